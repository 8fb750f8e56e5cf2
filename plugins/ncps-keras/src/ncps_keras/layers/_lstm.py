"""LSTM and its cell."""

from __future__ import annotations

from typing import Any

import keras

from ncps.specs import LSTM as LSTMSpec
from ncps.specs import LSTMCell as LSTMCellSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._recurrent import Cell, Sequence, States


class _LSTM:
    """What the cell and the sequence share."""

    spec: Any
    _read: Any

    def _run(self, x: Any, states: States, times: ops.Times, training: bool) -> Any:
        weights = tuple(map(self._read, ("kernel", "recurrent_kernel", "bias")))
        return ops.lstm(weights, x, states, times)


@keras.saving.register_keras_serializable(package=PACKAGE)
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


@keras.saving.register_keras_serializable(package=PACKAGE)
class LSTM(_LSTM, Sequence):
    """Long short-term memory over a sequence; the equations are those of `LSTMCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; state (h, c).
    `timespans` and `timestamps` are checked and have no effect: an LSTM knows no time. Training
    costs O(T), where `keras.layers.LSTM` takes O(T²) on torch.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: LSTMSpec
