"""LSTM and its cell: our own, whose training costs O(T)."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.specs import LSTM as LSTMSpec
from ncps.specs import LSTMCell as LSTMCellSpec
from ncps_mlx import ops
from ncps_mlx.layers._affine import Gates
from ncps_mlx.layers._recurrent import Cell, Sequence, States


class _LSTM:
    """What the cell and the sequence share."""

    spec: Any
    gates: Gates

    def _structure(self) -> None:
        self.gates = Gates(self.spec.known_input_size(), self.spec.units, self.spec.use_bias)

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        return tuple(ops.lstm(*self.gates.arrays, x, *states))


class LSTMCell(_LSTM, Cell):
    r"""One step of a long short-term memory.

    .. math::
        i, f, o = \sigma(x W_{i,f,o} + h R_{i,f,o} + b_{i,f,o}),\quad g = \tanh(x W_g + h R_g + b_g)

        c' = f \odot c + i \odot g,\quad h' = o \odot \tanh c'

    Shape: x (B, D), state (h (B, H), c (B, H)) → y (B, H) = h', and the new state. `timespans`
    is checked and has no effect: an LSTM knows no time.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    """

    spec: LSTMCellSpec


class LSTM(_LSTM, Sequence):
    """Long short-term memory over a sequence; the equations are those of `LSTMCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; state (h, c).
    `timespans` and `timestamps` are checked and have no effect: an LSTM knows no time. Training
    costs O(T), where `mlx.nn.LSTM` takes O(T²).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: LSTMSpec
