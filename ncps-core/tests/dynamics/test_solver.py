"""`solve_ode` and `ODESolver`: methods, times of each row, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ncps.conversion.tolerances import TOLERANCES
from ncps.dynamics import ODESolver, solve_ode
from ncps.errors import NcpsError, ShapeError
from ncps.liquid import LiquidOps
from ncps.ode import METHODS

Y = np.array([[1.0, -2.0, 0.5], [0.3, 0.0, 4.0]])
NEAR = TOLERANCES["float32"].values


def relaxing(t: Any, y: Any) -> Any:
    return np.full(y.shape, 1.5), np.full(y.shape, 0.5)


def solution(dt: Any) -> np.ndarray:
    return 3.0 + (Y - 3.0) * np.exp(-0.5 * np.reshape(dt, (-1, 1)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dt", [0.8, np.array([0.8, 0.1]), np.array([[0.8], [0.1]])], ids=str)
def test_every_method_solves_for_every_row_s_own_time(method: str, dt: Any) -> None:
    steps = 1 if method == "dopri5" else 4000
    got = solve_ode(relaxing, Y, dt, method=method, steps=steps)
    rough = {"rtol": 1e-3, "atol": 0.0} if method in ("euler", "semi_implicit") else NEAR
    np.testing.assert_allclose(got, solution(dt), **rough)


@pytest.mark.parametrize("method", METHODS)
def test_no_time_changes_nothing(method: str) -> None:
    np.testing.assert_array_equal(solve_ode(relaxing, Y, 0.0, method=method), Y)


def test_a_slope_may_depend_on_time_and_be_one_array() -> None:
    got = solve_ode(lambda t, y: np.cos(t) + 0 * y, Y, 2.0, method="dopri5", t0=1.0)
    np.testing.assert_allclose(got, Y + np.sin(3.0) - np.sin(1.0), **NEAR)


def test_trajectory_has_the_state_at_every_time() -> None:
    times = [2.0, 2.5, 4.0]
    states = ODESolver("dopri5").trajectory(lambda t, y: np.sin(t) + 0 * y, Y, times)
    for time, state in zip(times, states, strict=True):
        np.testing.assert_allclose(state, Y + np.cos(2.0) - np.cos(time), **NEAR)


def test_lists_and_numbers_are_states_too() -> None:
    np.testing.assert_allclose(
        LiquidOps.solve_ode(lambda t, y: -y, [1, 2], 1.0, method="dopri5"),
        np.exp(-1) * np.array([1, 2]),
        **NEAR,
    )
    np.testing.assert_allclose(solve_ode(lambda t, y: -y, 1.0, 1.0, steps=50), np.exp(-1.0), **NEAR)


def test_a_tighter_tolerance_is_kept() -> None:
    errors = [
        np.abs(ODESolver("dopri5", rtol=r, atol=r)(relaxing, Y, 3.0) - solution(3.0)).max()
        for r in (1e-3, 1e-6, 1e-9)
    ]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert errors[2] < 1e-8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "rk5"}, r"unknown ODESolver method 'rk5'. Did you mean 'rk4'\?"),
        ({"steps": 0}, r"ODESolver expected steps to be an integer >= 1, got 0"),
        ({"max_steps": 2.5}, r"expected max_steps to be an integer >= 1, got 2.5"),
        ({"rtol": 0.0}, r"expected rtol > 0, got 0"),
        ({"atol": -1e-3}, r"expected atol to be a number >= 0, got -0.001"),
    ],
)
def test_bad_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(NcpsError, match=message):
        ODESolver(**options)


@pytest.mark.parametrize(
    ("f", "dt", "method", "message"),
    [
        (relaxing, np.ones(5), "rk4", r"Δt to be a number, \(2,\) or .*\(2, 3\), got \(5,\)"),
        (relaxing, np.ones((1, 2, 3)), "rk4", r"got \(1, 2, 3\). Pass one elapsed time per row"),
        (relaxing, float("nan"), "rk4", r"expected a finite Δt, got nan"),
        (lambda t, y: y[0], 1.0, "euler", r"slope of the state's shape \(2, 3\), got \(3,\)"),
        (lambda t, y: -y, 1.0, "semi_implicit", r"the pair \(a, b\) of dy/dt = a − b·y, got nda"),
        (lambda t, y: 1.0, 1.0, "dopri5", r"shape \(2, 3\), got \(\)"),
    ],
)
def test_what_does_not_fit_the_state_is_refused(f: Any, dt: Any, method: str, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        solve_ode(f, Y, dt, method=method)
