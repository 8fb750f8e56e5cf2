"""Keras' own layers behind the contract of ncps: the technology `keras`.

On torch the recurrent ones train in O(T²), as Keras' layers do there: for long sequences use
technology `ncps`, whose layers compute the same. None of them knows time: `timespans` is checked
and has no effect.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import keras
from keras import ops as kops

from ncps.canonical import ParameterMap, composed_map
from ncps.specs import GRU as GRUSpec
from ncps.specs import LSTM as LSTMSpec
from ncps.specs import RNN as RNNSpec
from ncps.specs import GRUCell as GRUCellSpec
from ncps.specs import LSTMCell as LSTMCellSpec
from ncps.specs import RNNCell as RNNCellSpec
from ncps.specs import Spec
from ncps_keras import ops
from ncps_keras.layers._activation import Activation as Activation
from ncps_keras.layers._bare import built
from ncps_keras.layers._base import PACKAGE as OURS
from ncps_keras.layers._conv import Conv1D as Conv1D
from ncps_keras.layers._conv import Conv1DTranspose as Conv1DTranspose
from ncps_keras.layers._conv import Conv2D as Conv2D
from ncps_keras.layers._conv import Conv2DTranspose as Conv2DTranspose
from ncps_keras.layers._dense import Dense as Dense
from ncps_keras.layers._embedding import Embedding as Embedding
from ncps_keras.layers._norms import BatchNorm as BatchNorm
from ncps_keras.layers._norms import GroupNorm as GroupNorm
from ncps_keras.layers._norms import LayerNorm as LayerNorm
from ncps_keras.layers._norms import RMSNorm as RMSNorm
from ncps_keras.layers._plain import Dropout as Dropout
from ncps_keras.layers._plain import Flatten as Flatten
from ncps_keras.layers._pool import AveragePool1D as AveragePool1D
from ncps_keras.layers._pool import AveragePool2D as AveragePool2D
from ncps_keras.layers._pool import GlobalAveragePool1D as GlobalAveragePool1D
from ncps_keras.layers._pool import GlobalAveragePool2D as GlobalAveragePool2D
from ncps_keras.layers._pool import GlobalMaxPool1D as GlobalMaxPool1D
from ncps_keras.layers._pool import GlobalMaxPool2D as GlobalMaxPool2D
from ncps_keras.layers._pool import MaxPool1D as MaxPool1D
from ncps_keras.layers._pool import MaxPool2D as MaxPool2D
from ncps_keras.layers._recurrent import Cell, Sequence, States
from ncps_keras.stock_parameters import stock_map

PACKAGE = f"{OURS}.stock"
Result = tuple[list[Any], list[Any]]


class _Stock:
    """What cells and sequences share: one of Keras' layers, under `inner`."""

    technology: ClassVar[str] = "keras"
    spec: Any
    inner: Any
    built: bool
    dtype_policy: Any

    def _hold(self, spec: Any, first: ops.First) -> None:
        self.inner = built(spec, self.dtype_policy, first.of)

    def _variables(self) -> dict[str, Any]:
        return {v.name: v for v in self.inner.weights} if self.built else {}

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """How the arrays of Keras' layer relate to the canonical parameters."""
        cells = (GRUCellSpec, LSTMCellSpec, RNNCellSpec)
        if not isinstance(spec, cells):
            raise TypeError(f"expected the spec of a {cls.__name__}, got {type(spec).__name__}.")
        return composed_map(spec, stock_map)


class _StockCell(_Stock, Cell):
    """One step by a cell of Keras'."""

    def _make(self, first: ops.First) -> None:
        self._hold(self.spec, first)

    def _named(self) -> dict[str, Any]:
        return self._variables()

    def _run(self, x: Any, states: States, times: ops.Times, training: bool) -> Result:
        _, after = self.inner(x[:, 0], list(states))
        last = list(after) if isinstance(after, (tuple, list)) else [after]
        return [state[:, None] for state in last], last


class _StockSequence(_Stock, Sequence):
    """A sequence by a layer of Keras', one direction of one layer."""

    def _make(self, first: ops.First) -> None:
        if self.spec.composed:
            super()._make(first)
            return
        whole = {"return_sequences": True, "return_state": True}
        self._hold(dataclasses.replace(self.spec, **whole), first)

    def _named(self) -> dict[str, Any]:
        return super()._named() if self.spec.composed else self._variables()

    def _run(self, x: Any, states: States, times: ops.Times, training: bool) -> Result:
        if x.shape[1] == 0:
            return [state[:, None][:, :0] for state in states], [*states]
        h, *last = self.inner(x, initial_state=list(states), mask=times.mask)
        if times.mask is not None:
            # Keras' output is zero before the first real step
            begun = kops.cumsum(kops.cast(times.mask, "int32"), axis=1)[..., None] > 0
            h = kops.where(begun, h, states[0][:, None])
        return [h], last


@keras.saving.register_keras_serializable(package=PACKAGE)
class RNNCell(_StockCell):
    """A `keras.layers.SimpleRNNCell`; see `ncps.specs.RNNCell` for the equation and shapes."""

    spec: RNNCellSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class RNN(_StockSequence):
    """A `keras.layers.SimpleRNN`; see `ncps.specs.RNN` for the equation and shapes."""

    spec: RNNSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class GRUCell(_StockCell):
    """A `keras.layers.GRUCell`; see `ncps.specs.GRUCell` for equations and shapes."""

    spec: GRUCellSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class GRU(_StockSequence):
    """A `keras.layers.GRU`; see `ncps.specs.GRU` for equations and shapes."""

    spec: GRUSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class LSTMCell(_StockCell):
    """A `keras.layers.LSTMCell`; see `ncps.specs.LSTMCell` for equations and shapes."""

    spec: LSTMCellSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class LSTM(_StockSequence):
    """A `keras.layers.LSTM`; see `ncps.specs.LSTM` for equations and shapes."""

    spec: LSTMSpec
