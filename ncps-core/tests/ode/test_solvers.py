"""The solvers on NumPy arrays: their orders, their tolerance, and what they leave alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import SolverError
from ncps.ode import FIXED, METHODS, Tolerance, adaptive, fixed

A = np.array([[-1.0, 2.0], [-2.0, -0.5]])
START = np.array([[0.3, -0.4], [1.0, 2.0], [-0.7, 0.1]])
ELAPSED = np.array([[1.5], [0.25], [0.8]])
ORDERS = {"euler": 1, "midpoint": 2, "rk4": 4, "semi_implicit": 1}
EXACT = TOLERANCES["float64"].values


def driven(t: Any, y: Any) -> Any:
    """A decay towards what turns and swings, as the two parts of a slope."""
    return np.tanh(y @ A) + np.sin(3 * t), 1.0 + 0.5 * np.cos(y)


def solve(method: str, y: Any, dt: Any, steps: int = 8) -> Any:
    if method == "dopri5":
        return adaptive(driven, y, dt)
    return fixed(method, driven, y, dt, steps)


@pytest.fixture(scope="module")
def solution() -> np.ndarray:
    """The solution of every row, by SciPy."""
    integrate = pytest.importorskip("scipy.integrate")

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        a, b = driven(t, y)
        return a - b * y

    rows = [
        integrate.solve_ivp(slope, (0, dt), y, method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
        for y, (dt,) in zip(START, ELAPSED, strict=True)
    ]
    return np.array(rows)


@pytest.mark.parametrize("method", FIXED)
def test_half_the_step_divides_the_error_by_the_order(method: str, solution: np.ndarray) -> None:
    coarse, fine = (np.abs(solve(method, START, ELAPSED, n) - solution).max() for n in (40, 80))
    assert 0.85 < np.log2(coarse / fine) / ORDERS[method] < 1.15


@pytest.mark.parametrize("tolerance", [Tolerance(1e-4, 1e-5), Tolerance(), Tolerance(1e-11, 1e-13)])
def test_dopri5_keeps_its_tolerance(tolerance: Tolerance, solution: np.ndarray) -> None:
    error = np.abs(adaptive(driven, START, ELAPSED, tolerance) - solution)
    # the tolerance is of one step; there are some
    allowed = 20 * (tolerance.atol + tolerance.rtol * np.abs(solution))
    assert np.all(error < allowed)
    # and it does not work harder than it must
    assert error.max() > 1e-5 * tolerance.rtol


def test_dopri5_takes_fewer_steps_where_little_happens() -> None:
    def count(equation: Any, dt: float) -> int:
        calls = []

        def counted(t: Any, y: Any) -> Any:
            calls.append(t)
            return equation(t, y)

        adaptive(counted, START, dt)
        return len(calls)

    assert count(driven, 0.05) < count(driven, 5.0)
    assert count(lambda t, y: 0.0 * y, 1e6) == 7


@pytest.mark.parametrize("method", METHODS)
def test_no_time_leaves_every_bit_as_it_is(method: str) -> None:
    np.testing.assert_array_equal(solve(method, START, 0.0), START)
    some = solve(method, START, ELAPSED * [[0.0], [1.0], [0.0]])
    np.testing.assert_array_equal(some[::2], START[::2])
    assert np.all(some[1] != START[1])


@pytest.mark.parametrize("method", METHODS)
def test_each_row_has_its_own_time(method: str) -> None:
    together = solve(method, START, ELAPSED)
    bounds = TOLERANCES["float32" if method == "dopri5" else "float64"].values
    for i in range(len(START)):
        alone = solve(method, START[i : i + 1], ELAPSED[i : i + 1])
        np.testing.assert_allclose(together[i : i + 1], alone, **bounds)


@pytest.mark.parametrize("method", ["euler", "midpoint", "rk4"])
def test_an_equation_may_give_the_slope_or_its_parts(method: str) -> None:
    def whole(t: Any, y: Any) -> Any:
        a, b = driven(t, y)
        return a - b * y

    expected = fixed(method, driven, START, ELAPSED, 5)
    np.testing.assert_allclose(fixed(method, whole, START, ELAPSED, 5), expected, **EXACT)
    expected = adaptive(driven, START, ELAPSED)
    np.testing.assert_allclose(adaptive(whole, START, ELAPSED), expected, **EXACT)


@pytest.mark.parametrize("method", METHODS)
def test_time_runs_from_its_start(method: str) -> None:
    def later(t: Any, y: Any) -> Any:
        return driven(t - 7.0, y)

    expected = solve(method, START, ELAPSED)
    if method == "dopri5":
        got = adaptive(later, START, ELAPSED, t0=7.0)
    else:
        got = fixed(method, later, START, ELAPSED, 8, t0=7.0)
    np.testing.assert_allclose(got, expected, **EXACT)


def test_the_semi_implicit_step_is_stable_however_long() -> None:
    stiff = fixed("semi_implicit", lambda t, y: (3e4 + 0 * y, 1e4 + 0 * y), START, 1e30, 1)
    np.testing.assert_allclose(stiff, 3.0, **EXACT)
    with np.errstate(over="ignore", invalid="ignore"):
        blown = fixed("rk4", lambda t, y: (3e4 + 0 * y, 1e4 + 0 * y), START, 1e30, 1)
    assert not np.all(np.abs(blown) < 1e6)


@pytest.mark.parametrize("method", METHODS)
def test_complex_step_is_the_derivative(method: str) -> None:
    def value(step: Any) -> Any:
        return np.sum(solve(method, START + step * 0.3, ELAPSED + step * 0.1))

    difference = (value(1e-6) - value(-1e-6)) / 2e-6
    # dopri5 may choose other steps on the two sides
    bounds = {"rtol": 1e-3, "atol": 0.0} if method == "dopri5" else TOLERANCES["float32"].gradients
    np.testing.assert_allclose(value(1e-30j).imag / 1e-30, difference, **bounds)


def test_dopri5_says_when_the_equation_is_stiff() -> None:
    with pytest.raises(
        SolverError,
        match=r"the end of Δt in 50 steps, got to [\d.e-]+ of it. The equation is stiff",
    ):
        adaptive(lambda t, y: -1e6 * (y - np.cos(t)), START, 1.0, Tolerance(max_steps=50))


@pytest.mark.parametrize("where", ["state", "slope"])
def test_dopri5_says_when_values_are_not_finite(where: str) -> None:
    start = np.where(START > 1, np.nan, START) if where == "state" else START
    bad = (lambda t, y: y) if where == "state" else (lambda t, y: np.where(t > 0.5, np.inf, 0 * y))
    with pytest.raises(SolverError, match="expected a finite, smooth slope"):
        adaptive(bad, start, 1.0)


def test_dopri5_says_when_values_cannot_be_read() -> None:
    class Traced:
        shape = (3, 2)

        def __mul__(self, other: Any) -> Traced:
            return self

        __rmul__ = __add__ = __radd__ = __mul__

        def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
            raise RuntimeError("traced")

    with pytest.raises(
        SolverError, match=r"values can be read, got Traced: inside compile.*traced"
    ):
        adaptive(lambda t, y: y, Traced(), 1.0)


def test_no_row_at_all_is_solved_at_once() -> None:
    assert adaptive(driven, START[:0], ELAPSED[:0]).shape == (0, 2)
