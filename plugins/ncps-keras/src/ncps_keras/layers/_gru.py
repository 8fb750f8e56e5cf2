"""GRU and its cell."""

from __future__ import annotations

from typing import Any

import keras

from ncps.specs import GRU as GRUSpec
from ncps.specs import GRUCell as GRUCellSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._recurrent import Cell, Sequence, States


class _GRU:
    """What the cell and the sequence share."""

    spec: Any
    _read: Any

    def _run(self, x: Any, states: States, times: ops.Times, training: bool) -> Any:
        weights = tuple(map(self._read, ("kernel", "recurrent_kernel", "bias")))
        after = (self._read("recurrent_bias"),) if self.spec.reset_after else ()
        return ops.gru(weights, after, x, states, times)


@keras.saving.register_keras_serializable(package=PACKAGE)
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


@keras.saving.register_keras_serializable(package=PACKAGE)
class GRU(_GRU, Sequence):
    """Gated recurrent unit over a sequence; the equations are those of `GRUCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; state h (B, H).
    `timespans` and `timestamps` are checked and have no effect. Training costs O(T), where
    `keras.layers.GRU` takes O(T²) on torch.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: GRUSpec
