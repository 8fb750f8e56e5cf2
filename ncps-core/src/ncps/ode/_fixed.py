r"""Methods with a fixed step h = Δt / N.

.. math::
    \text{euler: } & y' = y + h\,f(t, y) \\
    \text{midpoint: } & y' = y + h\,f(t + h/2,\ y + \tfrac{h}{2} f(t, y)) \\
    \text{rk4: } & y' = y + \tfrac{h}{6}(k_1 + 2 k_2 + 2 k_3 + k_4) \\
    \text{semi-implicit: } & y' = y + h\,\frac{a - b y}{1 + h b},\quad (a, b) = f(t, y)

Their errors fall with h, h², h⁴ and h. The semi-implicit one takes y on the right at the end of
the step and a, b at its start: for b ≥ 0 it is stable whatever h is, where an explicit method
needs h·b below about 2 (rk4: 2.8).

Source: Hairer, Nørsett & Wanner 1993, "Solving Ordinary Differential Equations I", II.1; the
semi-implicit step: Hasani et al. 2021, arXiv:2006.04439, algorithm 1 ("fused").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ncps.ode._slope import Equation, slope_of

Step = Callable[[Equation, Any, Any, Any], Any]


def _euler(equation: Equation, t: Any, y: Any, h: Any) -> Any:
    return y + h * slope_of(equation)(t, y)


def _midpoint(equation: Equation, t: Any, y: Any, h: Any) -> Any:
    f, half = slope_of(equation), h / 2
    return y + h * f(t + half, y + half * f(t, y))


def _rk4(equation: Equation, t: Any, y: Any, h: Any) -> Any:
    f, half = slope_of(equation), h / 2
    k1 = f(t, y)
    k2 = f(t + half, y + half * k1)
    k3 = f(t + half, y + half * k2)
    k4 = f(t + h, y + h * k3)
    return y + h * ((k1 + k4) + 2 * (k2 + k3)) / 6


def _semi_implicit(equation: Equation, t: Any, y: Any, h: Any) -> Any:
    a, b = equation(t, y)
    return y + h * (a - b * y) / (1 + h * b)


FIXED: Mapping[str, Step] = {
    "euler": _euler,
    "midpoint": _midpoint,
    "rk4": _rk4,
    "semi_implicit": _semi_implicit,
}


def fixed(method: str, equation: Equation, y: Any, dt: Any, steps: int, t0: Any = 0.0) -> Any:
    """y after Δt in so many equal steps; Δt broadcasts to y, and Δt = 0 leaves y as it is."""
    step, h = FIXED[method], dt / steps
    for i in range(steps):
        y = step(equation, t0 + i * h, y, h)
    return y
