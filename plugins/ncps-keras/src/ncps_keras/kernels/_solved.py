"""A solver as part of a step: frozen, so that equal ones are one step to JAX's compiler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ncps.ode import fixed

# the state after Δt, for an equation that gives a and b of dy/dt = a − b·y
Solve = Callable[[Callable[[Any, Any], tuple[Any, Any]], Any, Any], Any]


@dataclass(frozen=True)
class FixedSteps:
    """A method of the core's in so many equal steps."""

    method: str
    steps: int

    def __call__(self, equation: Callable[[Any, Any], tuple[Any, Any]], y: Any, dt: Any) -> Any:
        """y after Δt."""
        return fixed(self.method, equation, y, dt, self.steps)
