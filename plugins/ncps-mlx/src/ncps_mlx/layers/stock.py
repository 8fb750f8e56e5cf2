"""MLX's own layers behind the contract of ncps: the technology `mlx`.

The recurrent ones train in O(T²), as MLX's layers do: for long sequences use technology `ncps`,
whose layers compute the same. None of them knows time: `timespans` is checked and has no effect.
"""

from __future__ import annotations

from typing import Any, ClassVar

import mlx.core as mx
import mlx.nn as nn

from ncps.canonical import ParameterMap
from ncps.specs import GRU as GRUSpec
from ncps.specs import LSTM as LSTMSpec
from ncps.specs import RNN as RNNSpec
from ncps.specs import GRUCell as GRUCellSpec
from ncps.specs import LSTMCell as LSTMCellSpec
from ncps.specs import RNNCell as RNNCellSpec
from ncps.specs import Spec
from ncps_mlx.layers._activation import Activation as Activation
from ncps_mlx.layers._conv import Conv1D as Conv1D
from ncps_mlx.layers._conv import Conv1DTranspose as Conv1DTranspose
from ncps_mlx.layers._conv import Conv2D as Conv2D
from ncps_mlx.layers._conv import Conv2DTranspose as Conv2DTranspose
from ncps_mlx.layers._dense import Dense as Dense
from ncps_mlx.layers._embedding import Embedding as Embedding
from ncps_mlx.layers._norms import BatchNorm as BatchNorm
from ncps_mlx.layers._norms import GroupNorm as GroupNorm
from ncps_mlx.layers._norms import LayerNorm as LayerNorm
from ncps_mlx.layers._norms import RMSNorm as RMSNorm
from ncps_mlx.layers._plain import Dropout as Dropout
from ncps_mlx.layers._plain import Flatten as Flatten
from ncps_mlx.layers._pool import AveragePool1D as AveragePool1D
from ncps_mlx.layers._pool import AveragePool2D as AveragePool2D
from ncps_mlx.layers._pool import GlobalAveragePool1D as GlobalAveragePool1D
from ncps_mlx.layers._pool import GlobalAveragePool2D as GlobalAveragePool2D
from ncps_mlx.layers._pool import GlobalMaxPool1D as GlobalMaxPool1D
from ncps_mlx.layers._pool import GlobalMaxPool2D as GlobalMaxPool2D
from ncps_mlx.layers._pool import MaxPool1D as MaxPool1D
from ncps_mlx.layers._pool import MaxPool2D as MaxPool2D
from ncps_mlx.layers._recurrent import Cell, Sequence, States
from ncps_mlx.parameters import lstm_map, stock_gru_map, stock_rnn_map


def tanh(x: mx.array) -> mx.array:
    """A function of Python: a module that holds MLX's own cannot be copied or pickled."""
    return mx.tanh(x)


def relu(x: mx.array) -> mx.array:
    """max(x, 0)."""
    return mx.maximum(x, 0)


NONLINEARITIES = {"relu": relu, "tanh": tanh}


class _Stock:
    """What the layers of MLX share."""

    technology: ClassVar[str] = "mlx"
    spec: Any


class _StockRNN(_Stock):
    """An `mlx.nn.RNN` under `rnn`."""

    rnn: nn.RNN

    def _structure(self) -> None:
        spec = self.spec
        phi = NONLINEARITIES[spec.activation]
        self.rnn = nn.RNN(spec.known_input_size(), spec.units, spec.use_bias, phi)

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        return (self.rnn(x, *states),)

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        """How the arrays of the `mlx.nn.RNN` relate to the canonical ones."""
        if not isinstance(spec, RNNCellSpec):
            raise TypeError(f"expected the spec of an RNN, got {type(spec).__name__}.")
        return stock_rnn_map(spec)


class _StockGRU(_Stock):
    """An `mlx.nn.GRU` under `gru`."""

    gru: nn.GRU

    def _structure(self) -> None:
        spec = self.spec
        self.gru = nn.GRU(spec.known_input_size(), spec.units, bias=spec.use_bias)

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        return (self.gru(x, *states),)

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        """How the arrays of the `mlx.nn.GRU` relate to the canonical ones."""
        if not isinstance(spec, GRUCellSpec):
            raise TypeError(f"expected the spec of a GRU, got {type(spec).__name__}.")
        return stock_gru_map(spec)


class _StockLSTM(_Stock):
    """An `mlx.nn.LSTM` under `lstm`."""

    lstm: nn.LSTM

    def _structure(self) -> None:
        spec = self.spec
        self.lstm = nn.LSTM(spec.known_input_size(), spec.units, bias=spec.use_bias)

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        h, c = self.lstm(x, *states)
        return h, c

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        """How the arrays of the `mlx.nn.LSTM` relate to the canonical ones."""
        if not isinstance(spec, LSTMCellSpec):
            raise TypeError(f"expected the spec of an LSTM, got {type(spec).__name__}.")
        return lstm_map(spec, "lstm.")


class RNNCell(_StockRNN, Cell):
    """One step of an `mlx.nn.RNN`; see `ncps.specs.RNNCell` for the equation and shapes."""

    spec: RNNCellSpec


class RNN(_StockRNN, Sequence):
    """An `mlx.nn.RNN`; see `ncps.specs.RNN` for the equation and shapes."""

    spec: RNNSpec


class GRUCell(_StockGRU, Cell):
    """One step of an `mlx.nn.GRU`; see `ncps.specs.GRUCell`. It has `reset_after` only."""

    spec: GRUCellSpec


class GRU(_StockGRU, Sequence):
    """An `mlx.nn.GRU`; see `ncps.specs.GRU`. It has `reset_after` only."""

    spec: GRUSpec


class LSTMCell(_StockLSTM, Cell):
    """One step of an `mlx.nn.LSTM`; see `ncps.specs.LSTMCell` for equations and shapes."""

    spec: LSTMCellSpec


class LSTM(_StockLSTM, Sequence):
    """An `mlx.nn.LSTM`; see `ncps.specs.LSTM` for equations and shapes."""

    spec: LSTMSpec
