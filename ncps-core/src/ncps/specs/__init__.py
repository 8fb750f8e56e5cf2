"""Specs: one frozen description per layer type, the same for every technology."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ncps.errors import SpecError, unknown
from ncps.specs import inputs as inputs
from ncps.specs._base import Parameter as Parameter
from ncps.specs._base import Shape as Shape
from ncps.specs._base import Spec as Spec
from ncps.specs._cfc import CfC as CfC
from ncps.specs._cfc import CfCCell as CfCCell
from ncps.specs._cfc_blocks import CfCBlock as CfCBlock
from ncps.specs._ctrnn import CTRNN as CTRNN
from ncps.specs._ctrnn import CTRNNCell as CTRNNCell
from ncps.specs._dense import Dense as Dense
from ncps.specs._dialect import KERAS_1 as KERAS_1
from ncps.specs._gru import GRU as GRU
from ncps.specs._gru import GRU_GATES as GRU_GATES
from ncps.specs._gru import GRUCell as GRUCell
from ncps.specs._lstm import GATES as GATES
from ncps.specs._lstm import LSTM as LSTM
from ncps.specs._lstm import LSTMCell as LSTMCell
from ncps.specs._ltc import LTC as LTC
from ncps.specs._ltc import LTCCell as LTCCell
from ncps.specs._ncp_dense import NCPDense as NCPDense
from ncps.specs._rnn import RNN as RNN
from ncps.specs._rnn import RNNCell as RNNCell
from ncps.specs._sequence import Part as Part
from ncps.specs._sequence import SequenceSpec as SequenceSpec
from ncps.specs._wired import CircuitSpec as CircuitSpec
from ncps.specs._wired import Masks as Masks
from ncps.specs._wired import WiredSpec as WiredSpec

_FEEDFORWARD: tuple[type[Spec], ...] = (Dense, NCPDense)
_CELLS: tuple[type[Spec], ...] = (CfCCell, CTRNNCell, GRUCell, LSTMCell, LTCCell, RNNCell)
_SEQUENCES: tuple[type[Spec], ...] = (CfC, CTRNN, GRU, LSTM, LTC, RNN)
BUILTIN: Mapping[str, type[Spec]] = {
    spec.layer: spec for spec in (*_FEEDFORWARD, *_CELLS, *_SEQUENCES)
}
_added: dict[str, type[Spec]] = {}


def register(spec: type[Spec]) -> None:
    """Make a plugin's spec known under its layer name; the names of this package are taken."""
    if spec.layer in BUILTIN:
        raise SpecError(f"the layer name {spec.layer!r} belongs to ncps. Choose another name.")
    _added[spec.layer] = spec


def get(layer: str) -> type[Spec]:
    """The spec class of a layer name; UnknownNameError with the nearest match otherwise."""
    spec = BUILTIN.get(layer) or _added.get(layer)
    if spec is None:
        raise unknown("layer", layer, [*BUILTIN, *_added])
    return spec


def build(layer: str, **options: Any) -> Spec:
    """The checked spec of `layer` with these options."""
    return get(layer).from_options(options)


def from_config(config: Mapping[str, Any]) -> Spec:
    """The spec of any layer from what its `to_config` gave."""
    if "layer" not in config:
        raise SpecError(f"expected a layer's config with the key 'layer', got keys {list(config)}.")
    return get(config["layer"]).from_config(config)
