r"""Steps as long as the tolerance allows.

The elapsed times Δt may differ from row to row; all rows are solved at once over s from 0 to 1,

.. math:: \frac{dy}{ds} = \Delta t\, f(t_0 + s\,\Delta t,\ y)

A step counts when no element's estimated error is above atol + rtol·max(|y|, |y'|), so that every
row is as exact as it would be alone. The lengths of steps are plain numbers: a gradient goes
through the steps that were taken and not through their choice.

Source: Hairer, Nørsett & Wanner 1993, II.4 (step size control, starting step).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ncps.errors import SolverError
from ncps.ode._dopri5 import dopri5_step
from ncps.ode._slope import Equation, slope_of

Values = Callable[[Any], npt.NDArray[Any]]

_SMALLEST = 1e-10


class Tolerance(NamedTuple):
    """How exact a solution must be, and after how many steps to give up."""

    rtol: float = 1e-6
    atol: float = 1e-7
    max_steps: int = 10_000


# what the layers ask of dopri5: an error below the rounding that their dtype allows anyway
_DOUBLE = Tolerance(rtol=1e-11, atol=1e-13)
_SINGLE = Tolerance()


def tolerance_of(dtype: str) -> Tolerance:
    """How exactly a layer of this dtype solves its equation; half precision solves in float32."""
    return _DOUBLE if dtype == "float64" else _SINGLE


def adaptive(
    equation: Equation, y: Any, dt: Any, tolerance: Tolerance | None = None, t0: Any = 0.0
) -> Any:
    """y after Δt, which broadcasts to y, by the method of Dormand and Prince.

    Raises: SolverError when it takes more steps than allowed, when a slope is not finite, or where
    values cannot be looked at (inside compile, vmap or jit).
    """
    tolerance = tolerance or Tolerance()
    f = slope_of(equation)

    def scaled(s: float, y: Any) -> Any:
        return dt * f(t0 + s * dt, y)

    slope = scaled(0.0, y)
    s, h = 0.0, _first_step(y, slope, tolerance)
    for _ in range(tolerance.max_steps):
        last = h >= 1.0 - s
        h = 1.0 - s if last else h
        # a step that is far too long may overflow on the way to being refused
        with np.errstate(over="ignore", invalid="ignore"):
            new, error, end = dopri5_step(scaled, s, y, h, slope)
        ratio = _largest(error, tolerance, y, new)
        if ratio <= 1.0:
            y, slope, s = new, end, s + h
            if last:
                return y
        h *= _growth(ratio)
        if h < _SMALLEST:
            raise _not_smooth(h)
    raise SolverError(
        f"dopri5 expected to reach the end of Δt in {tolerance.max_steps} steps, got to {s:.3g} of "
        "it. The equation is stiff for so long a Δt: take method 'semi_implicit', a larger "
        "tolerance or a smaller unit of time."
    )


def _growth(ratio: float) -> float:
    """By how much the next step may be longer, at least 0.2; NaN counts as far too long."""
    if ratio == 0.0:
        return 10.0
    return min(10.0, max(0.2, 0.9 * ratio**-0.2)) if np.isfinite(ratio) else 0.2


def _first_step(y: Any, slope: Any, tolerance: Tolerance) -> float:
    size, speed = _largest(y, tolerance, y), _largest(slope, tolerance, y)
    if not np.isfinite(size + speed):
        raise _not_smooth(0.0)
    if speed == 0.0:
        return 1.0
    return min(1.0, max(1e-6, 0.01 * size / speed))


def _largest(amount: Any, tolerance: Tolerance, *sizes: Any) -> float:
    """max |amount| / (atol + rtol·max |sizes|)."""
    with np.errstate(invalid="ignore", over="ignore"):
        scale = np.max([np.abs(_values(y)) for y in sizes], axis=0)
        ratio = np.abs(_values(amount)) / (tolerance.atol + tolerance.rtol * scale)
    return float(np.max(ratio, initial=0.0))


def _values(array: Any) -> npt.NDArray[Any]:
    """The real parts on the host."""
    if hasattr(array, "detach"):
        array = array.detach().cpu()
    try:
        return np.asarray(array).real.astype(np.float64)
    except Exception as error:
        raise SolverError(
            f"dopri5 expected arrays whose values can be read, got {type(array).__name__}: inside "
            "compile, vmap or jit there are none, and NumPy does not know every dtype. Take a "
            f"method with fixed steps, or float32. ({error})"
        ) from error


def _not_smooth(h: float) -> SolverError:
    return SolverError(
        f"dopri5 expected a finite, smooth slope, got to steps of {h:.3g} of Δt. Look for NaN or "
        "infinite values in the input, the state and the parameters."
    )
