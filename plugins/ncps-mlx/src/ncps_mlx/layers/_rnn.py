"""RNN and its cell: Elman's simple recurrent network, trained in O(T)."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.specs import RNN as RNNSpec
from ncps.specs import RNNCell as RNNCellSpec
from ncps_mlx import ops
from ncps_mlx.layers._affine import Gates
from ncps_mlx.layers._recurrent import Cell, Sequence, States


class _RNN:
    """What the cell and the sequence share."""

    spec: Any
    gates: Gates

    def _structure(self) -> None:
        spec = self.spec
        self.gates = Gates(spec.known_input_size(), spec.units, spec.use_bias, number=1)

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        phi = ops.ACTIVATIONS[self.spec.activation]
        return tuple(ops.rnn(phi, self.gates.arrays, x, states[0]))


class RNNCell(_RNN, Cell):
    r"""One step of a simple recurrent network.

    .. math:: h' = \phi(x W + h R + b),\quad \phi = \tanh \text{ or } \mathrm{relu}

    Shape: x (B, D), state h (B, H) → y (B, H) = h', and the new state. `timespans` is checked and
    has no effect: an RNN knows no time.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    """

    spec: RNNCellSpec


class RNN(_RNN, Sequence):
    """Simple recurrent network over a sequence; the equation is that of `RNNCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; state h (B, H).
    `timespans` and `timestamps` are checked and have no effect.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: RNNSpec
