"""The solvers that a layer may name, in float64."""

from __future__ import annotations

from ncps.ode import DOPRI5, Equation, adaptive, fixed, tolerance_of
from ncps.reference._functions import Array
from ncps.specs import CTRNNCell, LTCCell


def solved(spec: LTCCell | CTRNNCell, equation: Equation, y: Array, dt: Array) -> Array:
    """y after Δt (B, 1) by the spec's solver, in `ode_unfolds` steps if their length is fixed."""
    if spec.solver == DOPRI5:
        return adaptive(equation, y, dt, tolerance_of("float64"))
    return fixed(spec.solver, equation, y, dt, spec.ode_unfolds)
