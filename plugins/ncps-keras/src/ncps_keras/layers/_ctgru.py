"""CTGRU and its cell: continuous-time gated recurrent units."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops as kops

from ncps.specs import CTGRU as CTGRUSpec
from ncps.specs import CTGRUCell as CTGRUCellSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._recurrent import Cell, Sequence, States


class _CTGRU:
    """What the cell and the sequence share: the gates retrieval, storage and signal, fused."""

    spec: Any
    _read: Any

    def _run(self, x: Any, states: States, times: ops.Times, training: bool) -> Any:
        spec = self.spec
        W, R, b = map(self._read, ("kernel", "recurrent_kernel", "bias"))
        return ops.ctgru((W, R, b), spec.log_scales, spec.cell_clip, x, states, times)

    def _readout(self, h: Any) -> Any:
        """y: the sum of each unit's memories."""
        spec = self.spec
        lead = kops.shape(h)[:-1]
        return kops.sum(kops.reshape(h, (*lead, spec.units, spec.num_scales)), axis=-1)


@keras.saving.register_keras_serializable(package=PACKAGE)
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


@keras.saving.register_keras_serializable(package=PACKAGE)
class CTGRU(_CTGRU, Sequence):
    """Continuous-time GRU over a sequence; the equations are `CTGRUCell`'s.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, H), or (B, H) without `return_sequences`; state ĥ (B, H·M).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: CTGRUSpec
