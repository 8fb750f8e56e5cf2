"""CTGRU and its cell: continuous-time gated recurrent units."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ncps.specs import CTGRU as CTGRUSpec
from ncps.specs import CTGRUCell as CTGRUCellSpec
from ncps_torch import ops
from ncps_torch.layers._recurrent import Cell, Sequence, States


class _CTGRU:
    """What the cell and the sequence share: the gates retrieval, storage and signal, fused."""

    spec: Any
    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor

    def _structure(self, spec: Any) -> None:
        rows = 3 * spec.units
        self.weight_ih = nn.Parameter(torch.empty(rows, spec.known_input_size()))
        self.weight_hh = nn.Parameter(torch.empty(rows, spec.units))
        self.bias = nn.Parameter(torch.empty(rows))

    def _run(self, x: Tensor, states: States, dt: Tensor | None) -> States:
        W, R = self.weight_ih.to(x.dtype).t(), self.weight_hh.to(x.dtype).t()
        weights, spec = (W, R, self.bias.to(x.dtype)), self.spec
        return (ops.ctgru(x, states[0], weights, spec.log_scales, spec.cell_clip, dt),)

    def _readout(self, h: Tensor) -> Tensor:
        """y: the sum of each unit's memories."""
        return h.reshape(*h.shape[:-1], self.spec.units, self.spec.num_scales).sum(-1)


class CTGRUCell(_CTGRU, Cell):
    r"""One step of a continuous-time GRU, whose units remember at M time scales.

    .. math::
        \hat h \leftarrow e^{-\Delta t/\tilde\tau}\,\hat h,\quad
        r, s = \mathrm{softmax}\,{-(x W_{r,s} + (\textstyle\sum \hat h) R_{r,s} + b_{r,s}
        - \ln\tilde\tau)^2}

        q = \tanh(x W_q + (\textstyle\sum r \hat h) R_q + b_q),\quad
        \hat h' = \hat h + s\,(q - \hat h),\quad y = \textstyle\sum \hat h'

    Shape: x (B, D), state ĥ (B, H·M), timespans scalar or (B,) in the data's time unit, default 1
    → y (B, H), and the new state.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    Source: Mozer, Kazakov & Lindsey 2017, arXiv:1710.04110; see `ncps.specs.CTGRUCell`.
    """

    spec: CTGRUCellSpec


class CTGRU(_CTGRU, Sequence):
    """Continuous-time GRU over a sequence; the equations are `CTGRUCell`'s.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, H), or (B, H) without `return_sequences`; state ĥ (B, H·M).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: CTGRUSpec
