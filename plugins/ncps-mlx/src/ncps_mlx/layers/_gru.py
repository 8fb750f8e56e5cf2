"""GRU and its cell: our own, whose training costs O(T)."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.specs import GRU as GRUSpec
from ncps.specs import GRUCell as GRUCellSpec
from ncps_mlx import ops
from ncps_mlx.layers._affine import Gates
from ncps_mlx.layers._recurrent import Cell, Sequence, States


class _GRU:
    """What the cell and the sequence share."""

    spec: Any
    gates: Gates
    recurrent_bias: mx.array

    def _structure(self) -> None:
        spec = self.spec
        self.gates = Gates(spec.known_input_size(), spec.units, spec.use_bias, number=3)
        if self._has_recurrent_bias:
            self.recurrent_bias = mx.zeros((spec.units,))

    @property
    def _has_recurrent_bias(self) -> bool:
        return bool(self.spec.use_bias and self.spec.reset_after)

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        c = self.recurrent_bias if self._has_recurrent_bias else None
        return tuple(ops.gru(self.gates.arrays, c, x, states[0], self.spec.reset_after))


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
    `timespans` and `timestamps` are checked and have no effect. Training costs O(T), where
    `mlx.nn.GRU` takes O(T²).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: GRUSpec
