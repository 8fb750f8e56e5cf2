"""Forecasting with a trained folder, on the technology numpy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ncps.errors import DataError, FileFormatError
from ncps.training import (
    DataOptions,
    Errors,
    LoopOptions,
    ModelOptions,
    TrainOptions,
    forecast,
    load_series,
    train,
)

pytestmark = pytest.mark.usefixtures("numpy_trains")


@pytest.fixture(autouse=True)
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots take most of the time of so small a run; test_plots.py draws them."""
    for name in ("save_forecast_plot", "_draw_wiring"):
        monkeypatch.setattr(f"ncps.training._job.{name}", lambda fit, path: None)


def _options(source: Path | str, *, data=None, model=None, **loop) -> TrainOptions:
    return TrainOptions(
        data=DataOptions(source=str(source), **{"window": 8, "horizon": "6d", **(data or {})}),
        model=ModelOptions(**{"wiring": "auto:8,2", **(model or {})}),
        loop=LoopOptions(**{"epochs": 4, "batch_size": 16, **loop}),
    )


def _json(folder: Path, name: str):
    return json.loads((folder / name).read_text())


def test_predict_gives_the_numbers_of_the_training(wave_csv: Path, tmp_path: Path) -> None:
    fit, folder = train(_options(wave_csv, data={"drop": 0.3}, seed=3), tmp_path / "run")
    result = forecast(folder, wave_csv, technology="numpy")
    assert result.trained_on
    known = result.windows.split >= 0
    np.testing.assert_array_equal(result.windows.split[known], fit.windows.split)
    np.testing.assert_array_equal(result.windows.actual[known], fit.windows.actual)
    scaled = (result.values[known] - fit.forecasts["CfC"]) / fit.scaling.target_scale
    np.testing.assert_allclose(scaled, 0, atol=1e-5)
    assert result.errors()["test"].mae == pytest.approx(fit.errors()["CfC"].mae, abs=1e-5)


def test_predict_forecasts_beyond_the_end(wave_csv: Path, tmp_path: Path) -> None:
    _, folder = train(_options(wave_csv, epochs=1), tmp_path / "run")
    result = forecast(folder, wave_csv)
    time, ahead, value, actual = result.rows()[-1]
    assert time == wave_csv.read_text().splitlines()[-1].split(",")[0]
    last = np.datetime64(time) + np.timedelta64(6, "D")
    assert ahead == str(last)
    assert np.isfinite(float(value))
    assert actual == ""


def test_predict_reads_another_series_whole(wave_csv: Path, tmp_path: Path) -> None:
    _, folder = train(_options(wave_csv, data={"drop": 0.3}, epochs=1), tmp_path / "run")
    rows = wave_csv.read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join(rows[:1] + rows[60:]) + "\n")
    result = forecast(folder, other)
    assert not result.trained_on
    assert result.windows.series.dropped == 0
    assert len(result.values) == 101 - 8 + 1
    assert list(result.errors()) == ["all"]
    known = ~np.isnan(result.windows.actual)
    by_hand = np.abs(result.values - result.windows.actual)[known].mean()
    assert result.errors()["all"] == Errors(
        pytest.approx(by_hand), pytest.approx(result.errors()["all"].rmse), int(known.sum())
    )


def test_predict_forecast_depends_on_its_window_alone(wave_csv: Path, tmp_path: Path) -> None:
    _, folder = train(_options(wave_csv, epochs=1), tmp_path / "run")
    series = load_series(wave_csv)
    whole = forecast(folder, series)
    changed = replace(series, values=series.values + 100 * (np.arange(len(series)) > 60))
    cut = forecast(folder, changed)
    before = whole.windows.inputs[:, -1] <= 60
    known = whole.windows.target >= 0
    np.testing.assert_array_equal(whole.values[before & known], cut.values[before & known])
    assert not np.array_equal(whole.values[~before], cut.values[~before])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date,depth\n2001-01-01,1\n2001-01-02,2\n", "there is no column 'level \\(m\\)'"),
        ("date,level (m)\n1,1\n2,2\n", "the times in column 'date' are numbers, but the model was"),
        ("date,level (m)\n2001-01-01,1\n2001-01-02,2\n", "2 observations are too few for a window"),
    ],
)
def test_predict_refuses_a_series_that_does_not_fit(
    wave_csv: Path, tmp_path: Path, text: str, message: str
) -> None:
    _, folder = train(_options(wave_csv, epochs=1), tmp_path / "run")
    other = tmp_path / "other.csv"
    other.write_text(text)
    with pytest.raises(DataError, match=message):
        forecast(folder, other)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is no folder that ncps train wrote: config.json: No such file"),
        ("{", "config.json is not JSON"),
        ('{"schema": 99}', "expected schema 1, got 99; train it anew"),
        ('{"schema": 1}', "config.json is damaged: KeyError 'series'"),
    ],
)
def test_folder_that_is_none_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(FileFormatError, match=message):
        forecast(tmp_path, "co2")
