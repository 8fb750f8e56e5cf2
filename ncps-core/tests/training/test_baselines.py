from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ncps.training import Errors, Ridge, Series, make_windows, persistence
from ncps.training._baselines import _ALPHAS, _columns, _path

Make = Callable[..., Series]


def test_persistence_is_the_last_value(wave: Make) -> None:
    windows = make_windows(wave(), window=8)
    last = windows.series.values[windows.inputs[:, -1]]
    np.testing.assert_array_equal(persistence(windows), last)


@pytest.mark.parametrize("design", ["plain", "products"])
def test_ridge_is_the_closed_form(wave: Make, design: str) -> None:
    train = make_windows(wave(150), window=6).part("train")
    columns, change = _columns(train, design), train.actual - train.last
    varies = columns.std(axis=0) > 1e-9
    z = (columns - columns.mean(axis=0))[:, varies] / columns.std(axis=0)[varies]
    for fit in _path(train, design)[8::4]:
        penalty = fit.alpha * np.eye(z.shape[1])
        w = np.linalg.solve(z.T @ z + penalty, z.T @ (change - change.mean()))
        expected = train.last + z @ w + change.mean()
        np.testing.assert_allclose(fit.forecast(train), expected, rtol=1e-7)


def test_ridge_takes_the_least_validation_error(wave: Make) -> None:
    windows = make_windows(wave(200), window=6)
    train, validation = windows.part("train"), windows.part("validation")
    best = Ridge.fit(train, validation)
    mine = Errors.of(best.forecast(validation), validation.actual).rmse
    all_fits = [fit for design in ("plain", "products") for fit in _path(train, design)]
    assert len(all_fits) == 2 * len(_ALPHAS)
    errors = [Errors.of(fit.forecast(validation), validation.actual).rmse for fit in all_fits]
    assert mine == min(errors)
    assert min(errors) < np.median(errors)


def test_ridge_finds_a_linear_rule(wave: Make) -> None:
    windows = make_windows(wave(300), window=4)
    series = windows.series
    series.values[:] = 5 - 2e-6 * series.time
    fit = Ridge.fit(windows.part("train"), windows.part("validation"))
    test = windows.part("test")
    slope_error = np.abs(fit.forecast(test) - test.actual).max()
    assert slope_error < 0.01 * np.abs(test.last - test.actual).max()


def test_ridge_sees_features(wave: Make) -> None:
    series = wave(300, features=1)
    windows = make_windows(series, window=4)
    last = windows.inputs[:, -1]
    series.values[:] = 0
    series.values[windows.target] = series.features[last, 0]
    test = windows.part("test")
    fit = Ridge.fit(windows.part("train"), windows.part("validation"))
    error = Errors.of(fit.forecast(test), test.actual).rmse
    assert error < 0.8 * Errors.of(persistence(test), test.actual).rmse


def test_errors_by_hand() -> None:
    errors = Errors.of(np.array([1.0, 2, 7]), np.array([1.0, 5, np.nan]))
    assert (errors.mae, errors.windows) == (1.5, 2)
    assert errors.rmse == pytest.approx(np.sqrt(4.5))
    assert Errors.of(np.ones(1), np.array([np.nan])).windows == 0


@pytest.mark.parametrize("factor", [1e-11, 1e-100, 1e100])
def test_ridge_does_not_depend_on_the_magnitude(wave: Make, factor: float) -> None:
    windows = make_windows(wave(200, features=1), window=6)
    series = windows.series
    other = replace(series, values=series.values * factor, features=series.features * factor)
    small = replace(windows, series=other)
    one, two = (
        Ridge.fit(w.part("train"), w.part("validation")).forecast(w) for w in (windows, small)
    )
    np.testing.assert_allclose(two / factor, one, rtol=1e-6)


@pytest.mark.parametrize("wrong", ["train", "test"])
def test_ridge_is_chosen_on_validation_and_nowhere_else(wave: Make, wrong: str) -> None:
    windows = make_windows(wave(120, seed=1), window=12)
    train, validation = windows.part("train"), windows.part("validation")
    best, other = Ridge.fit(train, validation), Ridge.fit(train, windows.part(wrong))
    # by validation the penalty and the design are others, so a choice made elsewhere shows
    assert best.alpha != other.alpha
    assert best.design != other.design
    fits = [fit for design in ("plain", "products") for fit in _path(train, design)]
    errors = {
        (f.design, f.alpha): float(np.mean((f.forecast(validation) - validation.actual) ** 2))
        for f in fits
    }
    assert (best.design, best.alpha) == min(errors, key=lambda key: errors[key])
