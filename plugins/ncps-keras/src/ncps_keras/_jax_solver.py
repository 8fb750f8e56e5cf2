"""Adaptive solving on JAX, by diffrax: it works inside the traced loops, gradients included."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ncps.ode import DOPRI5, Equation, Tolerance, slope_of, tolerance_of
from ncps_keras._choice import fixed_steps_only

if TYPE_CHECKING:
    from jax import Array


def jax_solvers() -> dict[str, Callable[..., Any]]:
    """The adaptive solver for JAX arrays by name; none where diffrax is not installed."""
    return {} if fixed_steps_only("jax") is not None else {DOPRI5: dopri5}


def dopri5(
    equation: Equation,
    y: Array,
    dt: Array,
    tolerance: Tolerance | None = None,
    t0: float | Array = 0.0,
) -> Array:
    """y after Δt, which broadcasts to y, by diffrax's Dopri5, solved over s = 0 … 1.

    Raises: an error of JAX's when it takes more steps than allowed.
    """
    import diffrax
    import jax.numpy as jnp

    tolerance = tolerance or tolerance_of(str(y.dtype))
    f = slope_of(equation)

    def scaled(s: Any, y: Array, _: None) -> Array:
        return jnp.asarray(dt * f(t0 + s * dt, y), y.dtype)

    # a step counts when no element's error is too large, so that rows do not depend on each other
    controller = diffrax.PIDController(tolerance.rtol, tolerance.atol, norm=_largest)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(scaled),
        diffrax.Dopri5(),
        t0=0.0,
        t1=1.0,
        dt0=None,
        y0=y,
        stepsize_controller=controller,
        max_steps=tolerance.max_steps,
    )
    found: Array = solution.ys[0]
    return found


def _largest(ratio: Array) -> Array:
    import jax.numpy as jnp

    return jnp.max(jnp.abs(ratio), initial=0.0)
