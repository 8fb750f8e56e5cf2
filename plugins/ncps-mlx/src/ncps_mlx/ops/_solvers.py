"""The solvers that a layer may name, from the core: MLX has no library of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import mlx.core as mx

from ncps.ode import DOPRI5, adaptive, fixed, tolerance_of

Pair = tuple[mx.array, mx.array]
# the state after Δt, for an equation that gives a and b of dy/dt = a − b·y
Solve = Callable[[Callable[[mx.array, mx.array], Pair], mx.array, mx.array], mx.array]


def solver_of(method: str, steps: int) -> Solve:
    """The solver of this name; one with fixed steps takes so many."""
    return _dopri5 if method == DOPRI5 else partial(_fixed, method, steps)


def _fixed(
    method: str,
    steps: int,
    equation: Callable[[mx.array, mx.array], Pair],
    y: mx.array,
    dt: mx.array,
) -> mx.array:
    solution: mx.array = fixed(method, equation, y, dt, steps)
    return solution


def _dopri5(equation: Callable[[mx.array, mx.array], Pair], y: mx.array, dt: mx.array) -> mx.array:
    # an error estimate means nothing in half precision
    wide = adaptive(equation, y.astype(mx.float32), dt.astype(mx.float32), tolerance_of("float32"))
    solution: mx.array = wide.astype(y.dtype)
    return solution
