"""LSTM and its cell: our own, with one bias and derivatives of any order."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ncps.specs import LSTM as LSTMSpec
from ncps.specs import LSTMCell as LSTMCellSpec
from ncps_torch import ops
from ncps_torch.layers._recurrent import Cell, Sequence, States


class _LSTM:
    """What the cell and the sequence share: gates fused as in `torch.nn.LSTM`, one bias."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor | None

    def _structure(self, spec: Any) -> None:
        rows = 4 * spec.units
        self.weight_ih = nn.Parameter(torch.empty(rows, spec.known_input_size()))
        self.weight_hh = nn.Parameter(torch.empty(rows, spec.units))
        self.bias = nn.Parameter(torch.empty(rows)) if spec.use_bias else None

    def _run(self, x: Tensor, states: States, dt: Tensor | None) -> States:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        h, c = states
        return ops.lstm(self.weight_ih.to(x.dtype), self.weight_hh.to(x.dtype), bias, x, (h, c))


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
    `timespans` and `timestamps` are checked and have no effect: an LSTM knows no time. Unlike
    `torch.nn.LSTM` it has one bias, and second derivatives on every device.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: LSTMSpec
