"""MLX's own layers behind the contract of ncps: the technology `mlx`."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn

from ncps.canonical import ParameterMap
from ncps.specs import LSTM as LSTMSpec
from ncps.specs import LSTMCell as LSTMCellSpec
from ncps.specs import Spec
from ncps_mlx.layers._dense import Dense as Dense
from ncps_mlx.layers._recurrent import Cell, Sequence, States
from ncps_mlx.parameters import lstm_map


class _StockLSTM:
    """An `mlx.nn.LSTM` under `lstm`."""

    spec: Any
    lstm: nn.LSTM

    def _structure(self) -> None:
        spec = self.spec
        self.lstm = nn.LSTM(spec.known_input_size(), spec.units, bias=spec.use_bias)

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        h, c = self.lstm(x, *states)
        return h, c

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """How the arrays of the `mlx.nn.LSTM` relate to the canonical ones."""
        if not isinstance(spec, LSTMCellSpec):
            raise TypeError(f"expected the spec of an LSTM, got {type(spec).__name__}.")
        return lstm_map(spec, "lstm.")


class LSTMCell(_StockLSTM, Cell):
    """One step of an `mlx.nn.LSTM`; see `ncps.specs.LSTMCell` for equations and shapes.

    `timespans` is checked and has no effect: an LSTM knows no time.
    """

    spec: LSTMCellSpec


class LSTM(_StockLSTM, Sequence):
    """An `mlx.nn.LSTM`; see `ncps.specs.LSTM` for equations and shapes.

    `timespans` is checked and has no effect. Training costs O(T²), as MLX's layer does: for long
    sequences use technology `ncps`, whose LSTM computes the same.
    """

    spec: LSTMSpec
