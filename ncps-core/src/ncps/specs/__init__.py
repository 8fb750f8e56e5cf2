"""Specs: one frozen description per layer type, the same for every technology."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ncps.errors import SpecError, unknown
from ncps.specs import attention_inputs as attention_inputs
from ncps.specs import initializers as initializers
from ncps.specs import inputs as inputs
from ncps.specs import options as options
from ncps.specs._activation import Activation as Activation
from ncps.specs._added import ADDED
from ncps.specs._added import Added as Added
from ncps.specs._added import added as added
from ncps.specs._added import load_target as load_target
from ncps.specs._attention import AttentionCache as AttentionCache
from ncps.specs._attention import AttentionSpec as AttentionSpec
from ncps.specs._attention import GroupedQueryAttention as GroupedQueryAttention
from ncps.specs._attention import MultiHeadAttention as MultiHeadAttention
from ncps.specs._base import Kind as Kind
from ncps.specs._base import Parameter as Parameter
from ncps.specs._base import Shape as Shape
from ncps.specs._base import Spec as Spec
from ncps.specs._base import States as States
from ncps.specs._base import StateShapes as StateShapes
from ncps.specs._base import undrawn as undrawn
from ncps.specs._bidirectional import Bidirectional as Bidirectional
from ncps.specs._cfc import CfC as CfC
from ncps.specs._cfc import CfCCell as CfCCell
from ncps.specs._cfc_blocks import CfCBlock as CfCBlock
from ncps.specs._collections import CollectionSpec as CollectionSpec
from ncps.specs._collections import ModuleDict as ModuleDict
from ncps.specs._collections import ModuleList as ModuleList
from ncps.specs._compound import CompoundSpec as CompoundSpec
from ncps.specs._containers import ContainerSpec as ContainerSpec
from ncps.specs._conv import Conv1D as Conv1D
from ncps.specs._conv import Conv2D as Conv2D
from ncps.specs._conv_transpose import Conv1DTranspose as Conv1DTranspose
from ncps.specs._conv_transpose import Conv2DTranspose as Conv2DTranspose
from ncps.specs._ctgru import CTGRU as CTGRU
from ncps.specs._ctgru import CTGRU_GATES as CTGRU_GATES
from ncps.specs._ctgru import CTGRUCell as CTGRUCell
from ncps.specs._ctrnn import CTRNN as CTRNN
from ncps.specs._ctrnn import CTRNNCell as CTRNNCell
from ncps.specs._dense import Dense as Dense
from ncps.specs._dialect import KERAS_1 as KERAS_1
from ncps.specs._dropout import Dropout as Dropout
from ncps.specs._eltc import ELTC as ELTC
from ncps.specs._eltc import ELTCCell as ELTCCell
from ncps.specs._embedding import Embedding as Embedding
from ncps.specs._feed_forward import FeedForward as FeedForward
from ncps.specs._feed_forward import FeedForwardSpec as FeedForwardSpec
from ncps.specs._feed_forward import GeGLU as GeGLU
from ncps.specs._feed_forward import SwiGLU as SwiGLU
from ncps.specs._flatten import Flatten as Flatten
from ncps.specs._gru import GRU as GRU
from ncps.specs._gru import GRU_GATES as GRU_GATES
from ncps.specs._gru import GRUCell as GRUCell
from ncps.specs._lstm import GATES as GATES
from ncps.specs._lstm import LSTM as LSTM
from ncps.specs._lstm import LSTMCell as LSTMCell
from ncps.specs._ltc import LTC as LTC
from ncps.specs._ltc import LTCCell as LTCCell
from ncps.specs._ncp_dense import NCPDense as NCPDense
from ncps.specs._norms import BatchNorm as BatchNorm
from ncps.specs._norms import GroupNorm as GroupNorm
from ncps.specs._norms import LayerNorm as LayerNorm
from ncps.specs._norms import RMSNorm as RMSNorm
from ncps.specs._pool import AveragePool1D as AveragePool1D
from ncps.specs._pool import AveragePool2D as AveragePool2D
from ncps.specs._pool import GlobalAveragePool1D as GlobalAveragePool1D
from ncps.specs._pool import GlobalAveragePool2D as GlobalAveragePool2D
from ncps.specs._pool import GlobalMaxPool1D as GlobalMaxPool1D
from ncps.specs._pool import GlobalMaxPool2D as GlobalMaxPool2D
from ncps.specs._pool import MaxPool1D as MaxPool1D
from ncps.specs._pool import MaxPool2D as MaxPool2D
from ncps.specs._recurrent import cell_output_shape as cell_output_shape
from ncps.specs._recurrent import sequence_output_shape as sequence_output_shape
from ncps.specs._recurrent_over import RecurrentOver as RecurrentOver
from ncps.specs._residual import Residual as Residual
from ncps.specs._rnn import RNN as RNN
from ncps.specs._rnn import RNNCell as RNNCell
from ncps.specs._sequence import Part as Part
from ncps.specs._sequence import SequenceSpec as SequenceSpec
from ncps.specs._sequential import Sequential as Sequential
from ncps.specs._sliding import SlidingSpec as SlidingSpec
from ncps.specs._windows import Spread as Spread
from ncps.specs._windows import Window as Window
from ncps.specs._wired import CircuitSpec as CircuitSpec
from ncps.specs._wired import Masks as Masks
from ncps.specs._wired import WiredSpec as WiredSpec

_FEEDFORWARD: tuple[type[Spec], ...] = (
    Activation,
    AveragePool1D,
    AveragePool2D,
    BatchNorm,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Embedding,
    FeedForward,
    Flatten,
    GeGLU,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GroupedQueryAttention,
    GroupNorm,
    LayerNorm,
    MaxPool1D,
    MaxPool2D,
    MultiHeadAttention,
    NCPDense,
    RMSNorm,
    SwiGLU,
)
_CELLS: tuple[type[Spec], ...] = (
    CfCCell,
    CTGRUCell,
    CTRNNCell,
    ELTCCell,
    GRUCell,
    LSTMCell,
    LTCCell,
    RNNCell,
)
_SEQUENCES: tuple[type[Spec], ...] = (
    CfC,
    CTGRU,
    CTRNN,
    ELTC,
    GRU,
    LSTM,
    LTC,
    RNN,
)
_CONTAINERS: tuple[type[Spec], ...] = (Bidirectional, Residual, Sequential)
_COLLECTIONS: tuple[type[Spec], ...] = (ModuleDict, ModuleList)
BUILTIN: Mapping[str, type[Spec]] = {
    spec.layer: spec for spec in (*_FEEDFORWARD, *_CELLS, *_SEQUENCES, *_CONTAINERS, *_COLLECTIONS)
}


def register(spec: type[Spec], reference: str | None = None, cases: str | None = None) -> None:
    """Make a plugin's spec known under its layer name; the names of this package are taken.

    `reference` says where its `ncps.reference.Recurrent` or `Feedforward` is, `cases` where its
    `ncps.testing.LayerCases`: ``"acme.reference:novel"``.
    """
    if spec.layer in BUILTIN:
        raise SpecError(f"the layer name {spec.layer!r} belongs to ncps. Choose another name.")
    ADDED[spec.layer] = Added(spec, reference, cases)


def get(layer: str) -> type[Spec]:
    """The spec class of a layer name; UnknownNameError with the nearest match otherwise."""
    if layer in BUILTIN:
        return BUILTIN[layer]
    if layer not in ADDED:
        raise unknown("layer", layer, [*BUILTIN, *ADDED])
    return ADDED[layer].spec


def build(layer: str, **options: Any) -> Spec:
    """The checked spec of `layer` with these options."""
    return get(layer).from_options(options)


def from_config(config: Mapping[str, Any]) -> Spec:
    """The spec of any layer from what its `to_config` gave."""
    if "layer" not in config:
        raise SpecError(f"expected a layer's config with the key 'layer', got keys {list(config)}.")
    return get(config["layer"]).from_config(config)
