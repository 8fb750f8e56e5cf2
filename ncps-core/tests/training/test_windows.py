from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncps.errors import ConfigError, DataError
from ncps.training import Series, all_windows, make_windows
from ncps.training._times import Clock

Make = Callable[..., Series]
gaps = st.lists(st.floats(0.05, 9.0), min_size=30, max_size=80)


def _series(time: list[float], values: list[float] | None = None) -> Series:
    moments = np.array(time, dtype=float)
    return Series(
        name="s",
        source="s",
        clock=Clock("number"),
        time=moments,
        values=np.array(values if values is not None else range(len(time)), dtype=float),
        features=np.zeros((len(time), 0)),
        columns=("t", "v"),
        unit="",
    )


def test_target_is_the_nearest_observation_within_the_tolerance() -> None:
    series = _series([0, 1, 2, 5, 6, 9.5])
    windows = all_windows(series, window=2, horizon=4, tolerance=1)
    # last inputs 1, 2, 5, 6, 9.5 look for 5, 6, 9, 10, 13.5
    np.testing.assert_array_equal(windows.inputs[:, -1], [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(windows.target, [3, 4, 5, 5, -1])
    np.testing.assert_array_equal(windows.lead, [4, 4, 4.5, 3.5, 4])
    np.testing.assert_array_equal(windows.actual, [3, 4, 5, 5, np.nan])
    np.testing.assert_array_equal(windows.forecast_time, [5, 6, 9.5, 9.5, 13.5])


def test_target_out_of_tolerance_is_unknown_not_interpolated() -> None:
    windows = all_windows(_series([0, 1, 2, 8]), window=2, horizon=3, tolerance=1)
    np.testing.assert_array_equal(windows.target, [-1, -1, -1])
    assert np.isnan(windows.actual).all()


def test_target_is_later_than_the_last_input_even_when_that_is_nearest() -> None:
    windows = all_windows(_series([0, 1, 2, 40]), window=2, horizon=3, tolerance=5)
    np.testing.assert_array_equal(windows.target[1:], [-1, -1])


def test_earlier_of_two_equally_near_targets_is_taken() -> None:
    windows = all_windows(_series([0, 1, 4, 6]), window=2, horizon=4, tolerance=1)
    assert windows.target[0] == 2


@settings(max_examples=60, deadline=None)
@given(gaps=gaps, window=st.integers(2, 8), horizon=st.floats(0.5, 20))
def test_every_known_target_is_the_best_there_is(
    gaps: list[float], window: int, horizon: float
) -> None:
    series = _series(list(np.cumsum(gaps)))
    windows = all_windows(series, window=window, horizon=horizon, tolerance=horizon / 4)
    assert len(windows) == len(series) - window + 1
    for last, target, lead in zip(windows.inputs[:, -1], windows.target, windows.lead, strict=True):
        off = np.abs(series.time - (series.time[last] + horizon))
        off[: last + 1] = np.inf
        if target >= 0:
            assert off[target] == off.min()
            assert lead == series.time[target] - series.time[last]
        else:
            # the nearest may be the last input itself, which is no target
            near = np.abs(series.time - (series.time[last] + horizon)).argmin()
            assert off.min() > horizon / 4 or near == last
            assert lead == horizon


@settings(max_examples=60, deadline=None)
@given(gaps=gaps, window=st.integers(2, 6))
def test_no_split_sees_a_later_one(gaps: list[float], window: int) -> None:
    series = _series(list(np.cumsum(gaps)))
    try:
        windows = make_windows(series, window=window, horizon=2.0, tolerance=2.0)
    except DataError:
        return
    first, second = windows.ends
    train, validation, test = (windows.part(name) for name in ("train", "validation", "test"))
    assert series.time[train.inputs].max() <= series.time[train.target].max() <= first
    assert first < series.time[validation.target].min()
    assert series.time[validation.target].max() <= second < series.time[test.target].min()
    assert not set(train.target) & (set(validation.target) | set(test.target))
    assert series.time[validation.inputs].max() <= second
    assert sum(windows.counts().values()) == len(windows)


def test_defaults_are_four_gaps_ahead_and_a_quarter_of_that() -> None:
    windows = make_windows(_series([2.0 * k for k in range(100)]), window=5)
    assert (windows.horizon, windows.tolerance) == (8, 2)
    assert windows.counts() == {"train": 62, "validation": 15, "test": 16}
    # the last one finds its nearest a gap early, at the end of the series
    assert (windows.lead[:-1] == 8).all()
    assert windows.lead[-1] == 6


def test_horizon_may_be_text() -> None:
    windows = make_windows(_series(list(range(100))), window=5, horizon="7", tolerance="2")
    assert (windows.horizon, windows.tolerance) == (7, 2)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"window": 1}, ConfigError, "window 1 is too short; expected at least 2 observations"),
        ({"window": 101}, DataError, "s: 100 observations are too few for a window of 101; use"),
        ({"window": 99}, DataError, "s: 100 observations give no train window of 99 with a target"),
        ({"horizon": 0.4}, DataError, r"a target 0\.4 ± 0\.1 ahead; use a smaller window, a horiz"),
        ({"horizon": -1.0}, ConfigError, r"horizon -1\.0 is not a positive length of time"),
        ({"fractions": (0.7, 0.3)}, ConfigError, "leave a split empty"),
    ],
)
def test_windows_that_cannot_be_are_refused(options, error, message: str) -> None:
    with pytest.raises(error, match=message):
        make_windows(_series(list(range(100))), **options)


def test_windows_do_not_depend_on_values_after_them(wave: Make) -> None:
    series = wave(120)
    changed = series.values.copy()
    changed[-30:] = 1e6
    other = _series(list(series.time), list(changed))
    one = make_windows(series, window=10, horizon=5 * 86400.0)
    two = make_windows(other, window=10, horizon=5 * 86400.0)
    np.testing.assert_array_equal(one.part("train").actual, two.part("train").actual)
    np.testing.assert_array_equal(one.part("train").last, two.part("train").last)


@pytest.mark.parametrize(
    ("factor", "size"), [(1e200, "large"), (1e300, "large"), (1e-200, "small")]
)
def test_numbers_whose_squares_overflow_are_refused(wave: Make, factor: float, size: str) -> None:
    series = wave(60)
    with pytest.raises(DataError, match=f"column 'level', up to .* are too {size} to compute with"):
        make_windows(replace(series, values=series.values * factor), window=8)


@pytest.mark.parametrize("length", [float("inf"), float("nan")])
def test_length_that_is_no_finite_number_is_refused(wave: Make, length: float) -> None:
    with pytest.raises(ConfigError, match=r"horizon (inf|nan) is not a positive length of time"):
        make_windows(wave(60), window=8, horizon=length)
