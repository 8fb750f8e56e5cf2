"""Solving an ordinary differential equation over an elapsed time, on any framework's arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ncps import ode, registry
from ncps.dynamics._functions import as_array, framework_of
from ncps.errors import NcpsError, ShapeError, SpecError
from ncps.ode import DOPRI5, METHODS, SEMI_IMPLICIT, Equation, Tolerance
from ncps.specs import _validate

# whose plugin offers kernels for these arrays, where it is not the framework itself
_PLUGINS = {"jax": "keras", "tensorflow": "keras"}


@dataclass(frozen=True)
class ODESolver:
    r"""A method and its options, to be called like a function.

    .. math:: \frac{dy}{dt} = f(t, y)\quad\text{or}\quad \frac{dy}{dt} = a - b \odot y

    `method` is "euler", "midpoint", "rk4" or "semi_implicit", in `steps` equal steps, or "dopri5",
    which chooses its steps to keep each one's error below atol + rtol·|y|, and gives up after
    `max_steps`. The semi-implicit method needs the second form: f then gives the pair (a, b).
    "dopri5" is torchdiffeq's or diffrax's where a plugin offers that, else the core's.

    Raises: SpecError or UnknownNameError for an option that makes no sense.
    Source: `ncps.ode`.
    """

    method: str = "rk4"
    steps: int = 1
    rtol: float = Tolerance().rtol
    atol: float = Tolerance().atol
    max_steps: int = Tolerance().max_steps

    def __post_init__(self) -> None:
        name = type(self).__name__
        _validate.choice(name, "method", self.method, METHODS)
        for option in ("steps", "max_steps"):
            _validate.integer(name, option, getattr(self, option))
        for option in ("rtol", "atol"):
            if _validate.at_least_zero(name, option, getattr(self, option)) == 0.0:
                raise SpecError(f"{name} expected {option} > 0, got 0. No step is exact.")

    def __call__(self, f: Equation, y: Any, dt: Any, t0: Any = 0.0) -> Any:
        """The state after Δt from y at t0; f is called as f(t, y).

        Shape: y (B, …) or any; Δt a number, (B,) for a time of each row, or what broadcasts to y.
        Δt = 0 leaves y as it is.
        Raises: ShapeError when Δt or a slope does not fit y; SolverError when "dopri5" cannot go
        on.
        """
        y = as_array(y)
        dt = _aligned(dt, y)
        checked = _Checked(f, tuple(y.shape), self.method == SEMI_IMPLICIT)
        if self.method != DOPRI5:
            return ode.fixed(self.method, checked, y, dt, self.steps, t0)
        tolerance = Tolerance(self.rtol, self.atol, self.max_steps)
        return _adaptive(framework_of(y))(checked, y, dt, tolerance, t0)

    def trajectory(self, f: Equation, y: Any, times: Sequence[float]) -> list[Any]:
        """The states at all of these times, the first of which is that of y."""
        states = [as_array(y)]
        for before, after in pairwise(times):
            states.append(self(f, states[-1], after - before, before))
        return states


def solve_ode(
    f: Equation, y: Any, dt: Any, *, method: str = "rk4", t0: Any = 0.0, **options: Any
) -> Any:
    """The solution of dy/dt = f(t, y) after Δt; see `ODESolver` for methods, options and shapes."""
    return ODESolver(method, **options)(f, y, dt, t0)


@dataclass(frozen=True)
class _Checked:
    """An equation whose slopes are held to the state's shape."""

    equation: Equation
    shape: tuple[int, ...]
    in_parts: bool

    def __call__(self, t: Any, y: Any) -> Any:
        value = self.equation(t, y)
        if isinstance(value, tuple) and len(value) == 2:
            return value
        if self.in_parts or isinstance(value, tuple):
            raise ShapeError(
                "the method 'semi_implicit' expected f to give the pair (a, b) of dy/dt = a − b·y, "
                f"got {type(value).__name__}. Give the pair, or take another method."
            )
        shape = tuple(getattr(value, "shape", ()))
        if shape != self.shape:
            raise ShapeError(
                f"solve_ode expected a slope of the state's shape {self.shape}, got {shape}. "
                "Let f give dy/dt for every element of y."
            )
        return value


def _aligned(dt: Any, y: Any) -> Any:
    """Δt so that it broadcasts to y; the one axis of (B,) is y's first."""
    if isinstance(dt, (int, float)):
        if not math.isfinite(dt):
            raise ShapeError(f"solve_ode expected a finite Δt, got {dt}. Pass the time gone by.")
        return dt
    dt = as_array(dt)
    if framework_of(dt) != framework_of(y):
        raise ShapeError(
            f"solve_ode expected Δt to be a number or an array of {framework_of(y)} like the "
            f"state, got one of {framework_of(dt)}. Convert it first."
        )
    shape, target = tuple(dt.shape), tuple(y.shape)
    if len(shape) == 1 and len(target) > 1 and shape[0] == target[0]:
        for _ in target[1:]:
            dt = dt[..., None]
        return dt
    pairs = zip(reversed(shape), reversed(target), strict=False)
    if len(shape) > len(target) or any(a not in (1, b) for a, b in pairs):
        raise ShapeError(
            f"solve_ode expected Δt to be a number, {target[:1]} or a shape that broadcasts to "
            f"the state's {target}, got {shape}. Pass one elapsed time per row, or one for all."
        )
    return dt


def _adaptive(framework: str) -> Callable[..., Any]:
    """A plugin's solver for the arrays of this framework, else the core's."""
    if framework == "numpy":
        return ode.adaptive
    try:
        hooks = registry.hooks(_PLUGINS.get(framework, framework))
    except NcpsError:
        return ode.adaptive
    offered = hooks.ncps_kernels(framework=framework) or {}
    kernel: Callable[..., Any] = offered.get(DOPRI5, ode.adaptive)
    return kernel
