"""One step of the method of Dormand and Prince, of order 5 with an error estimate of order 4.

Source: Dormand & Prince 1980, "A family of embedded Runge-Kutta formulae", table 2; also Hairer,
Nørsett & Wanner 1993, II.5, table 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ncps.ode._slope import Equation

_NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0)
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
)
_FIFTH = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)
_FOURTH = (5179 / 57600, 0.0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40)
_ERROR = tuple(a - b for a, b in zip((*_FIFTH, 0.0), _FOURTH, strict=True))


def dopri5_step(f: Equation, t: float, y: Any, h: float, first: Any) -> tuple[Any, Any, Any]:
    """y after a step h, the estimate of its error, and the slope there.

    `first` is the slope at (t, y): the last slope of a step is the first one of the next.
    """
    slopes = [first]
    for node, weights in zip(_NODES, _STAGES, strict=True):
        slopes.append(f(t + node * h, y + h * _weighted(weights, slopes)))
    new = y + h * _weighted(_FIFTH, slopes)
    slopes.append(f(t + h, new))
    return new, h * _weighted(_ERROR, slopes), slopes[-1]


def _weighted(weights: Sequence[float], slopes: Sequence[Any]) -> Any:
    terms = [w * k for w, k in zip(weights, slopes, strict=True) if w]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
