"""The solvers that a layer may name: fixed steps from the core, dopri5 where it can run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ncps.errors import SolverError
from ncps.ode import DOPRI5, SEMI_IMPLICIT, adaptive, tolerance_of
from ncps_keras._choice import fixed_steps_only
from ncps_keras.backends import NAME
from ncps_keras.kernels import Arrays, FixedSteps, Result, Solve, Step, scan
from ncps_keras.ops._lent import lent_solver


def solver_of(method: str, steps: int) -> Solve | None:
    """The solver of this name; None for the semi-implicit one, which is fused into the steps.

    Raises: SolverError for dopri5 on a back end that traces its loops.
    """
    if method == SEMI_IMPLICIT:
        return None
    if method != DOPRI5:
        return FixedSteps(method, steps)
    reason = fixed_steps_only(NAME)
    if reason is not None:
        raise SolverError(f"dopri5 cannot run: {reason}.")
    return dopri5


def dopri5(equation: Callable[[Any, Any], tuple[Any, Any]], y: Any, dt: Any) -> Any:
    """y after Δt: by torchdiffeq or diffrax where they are installed, else by the core.

    Raises: SolverError when it takes more steps than allowed, and inside a compiler.
    """
    tolerance = tolerance_of(keras.backend.standardize_dtype(y.dtype))
    library = lent_solver(DOPRI5)
    return (library or adaptive)(equation, y, dt, tolerance)


def widened(tree: Any) -> Any:
    """The arrays of half precision as float32, in tuples and lists; all else as it is."""
    return keras.tree.map_structure(_wide, tree)


def scan_wide(step: Step, weights: Any, xs: Arrays, states: Arrays, mask: Any) -> Result:
    """`scan` in float32 at least, its states in the dtype that they came in."""
    narrow = states[0].dtype
    weights, xs, states = widened((weights, list(xs), list(states)))
    histories, last = scan(step, weights, xs, states, mask)
    return [ops.cast(a, narrow) for a in histories], [ops.cast(a, narrow) for a in last]


def _wide(value: Any) -> Any:
    half = hasattr(value, "dtype") and keras.backend.standardize_dtype(value.dtype) in (
        "bfloat16",
        "float16",
    )
    return ops.cast(value, "float32") if half else value
