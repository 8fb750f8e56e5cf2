"""mLSTM and its cell: a matrix as memory."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn

from ncps_xlstm.mlx import ops
from ncps_xlstm.mlx.layers._base import Cell, Sequence, States
from ncps_xlstm.specs import mLSTM as mLSTMSpec
from ncps_xlstm.specs import mLSTMCell as mLSTMCellSpec


class _Memory:
    """What the cell and the sequence share."""

    spec: Any
    training: bool

    def _structure(self) -> None:
        spec = self.spec
        size, bias = spec.known_input_size(), spec.use_bias
        self.query = nn.Linear(size, spec.key_units, bias=bias)
        self.key = nn.Linear(size, spec.key_units, bias=bias)
        self.value = nn.Linear(size, spec.units, bias=bias)
        self.input_gate = nn.Linear(size, spec.num_heads)
        self.forget_gate = nn.Linear(size, spec.num_heads)
        self.output_gate = nn.Linear(size, spec.units, bias=bias)

    def through(
        self, x: mx.array, states: States, behind: ops.Behind | None
    ) -> tuple[mx.array, States]:
        """σ(o) ⊙ h, and the new C, n, m."""
        qkv = self.query(x), self.key(x), self.value(x)
        gates = self.input_gate(x), self.forget_gate(x)
        h, new = ops.mlstm(self.spec, qkv, gates, states, behind, self.training)
        return mx.sigmoid(self.output_gate(x)) * h, new


class mLSTMCell(_Memory, Cell):
    r"""One step of an mLSTM; the equations are those of `ncps_xlstm.specs.mLSTMCell`.

    Shape: x (B, D), state h (B, H), C (B, NH, d_k, d_v), n (B, NH, d_k), m (B, NH) → y (B, H)
    = h, and the new state. `timespans` is checked and has no effect.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    Source: Beck et al. 2024, arXiv:2405.04517, equations 19 to 27.
    """

    sizes = ("input_size", "units")
    spec: mLSTMCellSpec

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        y, new = self.through(x, states[1:], None)
        return (y, *(s[:, None] for s in new))


class mLSTM(_Memory, Sequence):
    """mLSTM over a sequence, in the form that the spec names; see `mLSTMCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; state as the cell's.
    `timespans` and `timestamps` are checked and have no effect. `step(x, state)` runs one step.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    sizes = ("input_size", "units", "num_layers")
    spec: mLSTMSpec
