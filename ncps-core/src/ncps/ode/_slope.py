"""What is solved: an equation gives the slope itself, or its two parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Equation = Callable[[Any, Any], Any]


def slope_of(equation: Equation) -> Equation:
    """dy/dt of an equation that gives dy/dt, or the pair (a, b) of dy/dt = a − b·y."""

    def slope(t: Any, y: Any) -> Any:
        value = equation(t, y)
        if not isinstance(value, tuple):
            return value
        a, b = value
        return a - b * y

    return slope
