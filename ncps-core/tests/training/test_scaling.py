from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ncps.errors import DataError
from ncps.training import Scaling, Series, make_windows
from ncps.training._typed import typed

Make = Callable[..., Series]


def test_scaling_is_blind_to_validation_and_test(wave: Make) -> None:
    series = wave(200, features=2)
    windows = make_windows(series, window=12)
    train = windows.part("train")
    late = np.arange(200) > train.target.max()
    spoiled = replace(
        series,
        values=np.where(late, 1e6, series.values),
        features=np.where(late[:, None], -1e6, series.features),
        time=np.where(late, series.time * 3, series.time),
    )
    assert Scaling.fit(replace(train, series=spoiled)) == Scaling.fit(train)


def test_batch_is_what_the_docstring_says(wave: Make) -> None:
    series = wave(150, features=1)
    windows = make_windows(series, window=9)
    scaling = Scaling.fit(windows.part("train"))
    batch = scaling.batch(windows)
    n, i = 17, 4
    at = windows.inputs[n]
    gap = np.median(np.diff(series.time[: windows.part("train").target.max() + 1]))
    ahead = series.time[windows.target[n]]
    age = (series.time[at[i]] - ahead) / gap
    expected = [
        (series.values[at[i]] - series.values[at[-1]]) / scaling.value_scale,
        (age - scaling.age[0]) / scaling.age[1],
        (series.features[at[i], 0] - scaling.features[0][0]) / scaling.features[0][1],
    ]
    np.testing.assert_allclose(batch.x[n, i], expected, rtol=1e-6)
    assert batch.timespans[n, 0] == 1
    elapsed = (series.time[at[i]] - series.time[at[i - 1]]) / gap
    np.testing.assert_allclose(batch.timespans[n, i], elapsed, rtol=1e-6)
    lead = (ahead - series.time[at[-1]]) / gap
    level = (series.values[at[-1]] - scaling.level[0]) / scaling.level[1]
    context = [level, (lead - scaling.lead[0]) / scaling.lead[1]]
    np.testing.assert_allclose(batch.context[n], context, rtol=1e-5)
    assert batch.mask.all()
    assert batch.x.dtype == batch.timespans.dtype == batch.target.dtype == np.float32


def test_training_columns_have_unit_scale(wave: Make) -> None:
    windows = make_windows(wave(300), window=12)
    train = windows.part("train")
    batch = Scaling.fit(train).batch(train)
    assert np.sqrt((batch.x[..., 0] ** 2).mean()) == pytest.approx(1, rel=1e-5)
    assert batch.x[..., 1].mean() == pytest.approx(0, abs=1e-5)
    assert batch.x[..., 1].std() == pytest.approx(1, rel=1e-5)
    assert np.sqrt((batch.target**2).mean()) == pytest.approx(1, rel=1e-5)
    assert np.median(batch.timespans) == 1


def test_forecast_undoes_the_scaling_of_the_target(wave: Make) -> None:
    windows = make_windows(wave(150), window=9)
    scaling = Scaling.fit(windows.part("train"))
    forecast = scaling.forecast(windows, scaling.batch(windows).target)
    np.testing.assert_allclose(forecast, windows.actual, atol=1e-6)


def test_prediction_of_nothing_is_persistence(wave: Make) -> None:
    windows = make_windows(wave(150), window=9)
    scaling = Scaling.fit(windows.part("train"))
    nothing = np.zeros((len(windows), 1))
    np.testing.assert_array_equal(scaling.forecast(windows, nothing), windows.last)


def test_constant_series_is_not_divided_by_nothing(wave: Make) -> None:
    series = wave(150, features=1)
    flat = replace(series, values=np.full(150, 3.0), features=np.full((150, 1), 7.0))
    windows = make_windows(flat, window=9)
    batch = Scaling.fit(windows.part("train")).batch(windows)
    assert np.isfinite(batch.x).all()
    assert not batch.target.any()
    assert not batch.x[..., 2].any()


def test_config_round_trip_keeps_every_digit(wave: Make) -> None:
    scaling = Scaling.fit(make_windows(wave(150, features=2), window=9).part("train"))
    assert typed(Scaling, json.loads(json.dumps(scaling.to_config())), "scaling") == scaling


@pytest.mark.parametrize("factor", [1e-11, 1e-100, 1e100])
def test_magnitude_of_the_values_changes_nothing(wave: Make, factor: float) -> None:
    windows = make_windows(wave(150, features=1), window=9)
    series = windows.series
    other = replace(series, values=series.values * factor, features=series.features * factor)
    small = replace(windows, series=other)
    one, two = (Scaling.fit(w.part("train")).batch(w) for w in (windows, small))
    for name in ("x", "timespans", "context", "target"):
        np.testing.assert_allclose(getattr(two, name), getattr(one, name), rtol=1e-5, atol=1e-6)


def test_rounding_is_no_change(wave: Make) -> None:
    series = wave(150)
    noise = np.random.default_rng(0).integers(-2, 3, 150)
    flat = replace(series, values=3.0 + noise * np.spacing(3.0))
    windows = make_windows(flat, window=9)
    scaling = Scaling.fit(windows.part("train"))
    assert scaling.value_scale == scaling.target_scale == scaling.level[1] > 2.9


def test_number_far_from_the_training_is_refused(wave: Make) -> None:
    windows = make_windows(wave(150), window=9)
    scaling = Scaling.fit(windows.part("train"))
    windows.series.values[-1] = 1e30
    message = "wave: in the window that ends at .* a number is .* times the scale of the training"
    with pytest.raises(DataError, match=message):
        scaling.batch(windows)
