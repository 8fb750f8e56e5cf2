"""RNN and its cell: Elman's simple recurrent network."""

from __future__ import annotations

from typing import Any

import keras

from ncps.specs import RNN as RNNSpec
from ncps.specs import RNNCell as RNNCellSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._recurrent import Cell, Sequence, States


class _RNN:
    """What the cell and the sequence share."""

    spec: Any
    _read: Any

    def _run(self, x: Any, states: States, times: ops.Times, training: bool) -> Any:
        weights = tuple(map(self._read, ("kernel", "recurrent_kernel", "bias")))
        return ops.rnn(self.spec.activation, weights, x, states, times)


@keras.saving.register_keras_serializable(package=PACKAGE)
class RNNCell(_RNN, Cell):
    r"""One step of a simple recurrent network.

    .. math:: h' = \phi(x W + h R + b),\quad \phi = \tanh \text{ or } \mathrm{relu}

    Shape: x (B, D), state h (B, H) → y (B, H) = h', and the new state. `timespans` is checked and
    has no effect: an RNN knows no time.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    """

    spec: RNNCellSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class RNN(_RNN, Sequence):
    """Simple recurrent network over a sequence; the equation is that of `RNNCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; state h (B, H).
    `timespans` and `timestamps` are checked and have no effect.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: RNNSpec
