"""sLSTM and its cell: exponential gates, and heads that mix what is recurrent."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps_xlstm.mlx import ops
from ncps_xlstm.mlx.layers._base import Cell, Sequence, States
from ncps_xlstm.mlx.layers._parts import Gate
from ncps_xlstm.specs import sLSTM as sLSTMSpec
from ncps_xlstm.specs import sLSTMCell as sLSTMCellSpec

# in the order of the kernel: i, f, z, o
ORDER = ("input_gate", "forget_gate", "cell_gate", "output_gate")


class _Scalar:
    """What the cell and the sequence share."""

    spec: Any
    training: bool

    def _structure(self) -> None:
        spec = self.spec
        d = spec.units // spec.num_heads
        for gate in ORDER:
            weight = (spec.units, spec.known_input_size())
            setattr(self, gate, Gate(weight, (spec.num_heads, d, d), spec.units))

    def through(
        self, x: mx.array, states: States, behind: ops.Behind | None
    ) -> tuple[mx.array, States]:
        """h, and the new c, n, m, from h, c, n, m."""
        gates = [getattr(self, gate) for gate in ORDER]
        W, b = (mx.concatenate([g[n] for g in gates]) for n in ("weight", "bias"))
        p = (x @ W.T + b).reshape(*x.shape[:2], 4, -1)
        recurrent = tuple(gate.recurrent_weight for gate in gates)
        h, new = ops.slstm(p, recurrent, states, behind, self.training)
        return h.astype(x.dtype), new[1:]


class sLSTMCell(_Scalar, Cell):
    r"""One step of an sLSTM; the equations are those of `ncps_xlstm.specs.sLSTMCell`.

    Shape: x (B, D), state h, c, n and m, each (B, H) → y (B, H) = h', and the new state.
    `timespans` is checked and has no effect.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    Source: Beck et al. 2024, arXiv:2405.04517, equations 8 to 17.
    """

    sizes = ("input_size", "units")
    spec: sLSTMCellSpec

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        h, new = self.through(x, states, None)
        return (h, *(s[:, None] for s in new))


class sLSTM(_Scalar, Sequence):
    """sLSTM over a sequence; see `sLSTMCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; state as the cell's.
    `timespans` and `timestamps` are checked and have no effect. `step(x, state)` runs one step.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    sizes = ("input_size", "units", "num_layers")
    spec: sLSTMSpec

    def _entering(self, initial: States) -> States:
        return initial
