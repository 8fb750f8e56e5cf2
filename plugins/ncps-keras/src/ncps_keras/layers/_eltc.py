"""ELTC and its cell: liquid time-constant networks by an explicit solver."""

from __future__ import annotations

import keras

from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._ltc import LTC, LTCCell


@keras.saving.register_keras_serializable(package=PACKAGE)
class ELTCCell(LTCCell):
    r"""One step of a liquid time-constant network by an explicit solver.

    .. math:: c_m \frac{dv}{dt} = g (v_l - v) + \sum w s (E - v),\quad
        s = \sigma(\sigma(v - \mu))

    `solver` is "rk4" unless the spec says otherwise, in N = `ode_unfolds` steps of Δt / N; all the
    rest is `LTCCell`'s.

    Shape: x (B, D), state h = v (B, H), or (v, c) with mixed memory; timespans scalar or (B,) in
    the data's time unit, default 1 → y (B, O), and the new state.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    Source: Hasani et al. 2021, arXiv:2006.04439.
    """


@keras.saving.register_keras_serializable(package=PACKAGE)
class ELTC(LTC):
    """Liquid time-constant network by an explicit solver, over a sequence; see `ELTCCell`.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, O), or (B, O) without `return_sequences`; state v (B, H), or (v, c).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """
