"""GRU and its cell: our own, with the reset gate after the candidate's product or before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ncps.specs import GRU as GRUSpec
from ncps.specs import GRUCell as GRUCellSpec
from ncps_torch import ops
from ncps_torch.layers._recurrent import Cell, Sequence, States


class _GRU:
    """What the cell and the sequence share: gates fused as in `torch.nn.GRU`, one bias."""

    spec: Any
    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor | None
    recurrent_bias: Tensor | None

    def _structure(self, spec: Any) -> None:
        rows = 3 * spec.units
        second = spec.use_bias and spec.reset_after
        self.weight_ih = nn.Parameter(torch.empty(rows, spec.known_input_size()))
        self.weight_hh = nn.Parameter(torch.empty(rows, spec.units))
        self.bias = nn.Parameter(torch.empty(rows)) if spec.use_bias else None
        self.recurrent_bias = nn.Parameter(torch.empty(spec.units)) if second else None

    def _run(self, x: Tensor, states: States, dt: Tensor | None) -> States:
        W, R = self.weight_ih.to(x.dtype).t(), self.weight_hh.to(x.dtype).t()
        b, c = (None if p is None else p.to(x.dtype) for p in (self.bias, self.recurrent_bias))
        return (ops.gru_plain(x, states[0], (W, R, b), c, self.spec.reset_after),)


class GRUCell(_GRU, Cell):
    r"""One step of a gated recurrent unit.

    .. math::
        r, z = \sigma(x W_{r,z} + h R_{r,z} + b_{r,z}),\quad
        n = \tanh(x W_n + b_n + r \odot (h R_n + c_n))

        h' = (1 - z) \odot n + z \odot h

    Without `reset_after`: :math:`n = \tanh(x W_n + b_n + (r \odot h) R_n)`.

    Shape: x (B, D), state h (B, H) → y (B, H) = h', and the new state. `timespans` is checked and
    has no effect: a GRU knows no time.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    """

    spec: GRUCellSpec


class GRU(_GRU, Sequence):
    """Gated recurrent unit over a sequence; the equations are those of `GRUCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; state h (B, H).
    `timespans` and `timestamps` are checked and have no effect.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: GRUSpec
