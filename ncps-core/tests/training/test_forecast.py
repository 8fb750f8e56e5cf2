"""Forecasting with a trained folder, on the technology numpy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ncps import canonical
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
        ('{"schema": 1}', "config.json is damaged: options is missing"),
    ],
)
def test_folder_that_is_none_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(FileFormatError, match=message):
        forecast(tmp_path, "co2")


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        ("options.data.window", "8", "options.data.window is '8', expected a whole number"),
        ("options.data.window", True, "options.data.window is True, expected a whole number"),
        ("options.data.drop", None, "options.data.drop is None, expected a number"),
        ("options.data.features", [1], r"options.data.features\[0\] is 1, expected text"),
        ("options.data.features", "a", "options.data.features is 'a', expected a list"),
        ("options.data.unit", 1, "options.data.unit is 1, expected text or null"),
        ("options.data", [], r"options.data is \[\], expected an object"),
        ("options.model.options", [], "options.model.options is .*, expected an object"),
        ("options.loop.seed", 1.5, "options.loop.seed is 1.5, expected a whole number"),
        ("options.loop.epochs", 0, "epochs 0 cannot be; expected at least 1"),
        ("options.loop.more", 1, "options.loop.more is unknown"),
        ("scaling.gap", 0, "scaling.gap is 0, expected more than 0"),
        ("scaling.gap", "1", "scaling.gap is '1', expected a number"),
        ("scaling.gap", 10**400, "scaling.gap is 1000*, expected a number"),
        ("scaling.gap", ..., "scaling.gap is missing"),
        ("scaling.level", [1], r"scaling.level is \[1\], expected a list"),
        ("scaling.level", [1, -1], "scaling.level is -1, expected more than 0"),
        ("scaling.features", [[0, 1]], "series.columns is .*, which scaling does not fit"),
        ("windows.ends", [1, "x"], r"windows.ends\[1\] is 'x', expected a number"),
        ("windows.horizon", -1, "windows.horizon is -1, expected more than 0"),
        ("series.columns", None, "series.columns is None, expected a list"),
        ("provider", None, "provider is None, expected an object"),
        ("options.model", ..., "options.model is missing"),
    ],
)
def test_damaged_config_names_the_key(
    wave_csv: Path, tmp_path: Path, keys: str, value: object, message: str
) -> None:
    _, folder = train(_options(wave_csv, epochs=1), tmp_path / "run")
    config = _json(folder, "config.json")
    *path, last = keys.split(".")
    part = config
    for key in path:
        part = part[key]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(FileFormatError, match=f"config.json is damaged: {message}"):
        forecast(folder, wave_csv)


def test_series_that_was_dropped_from_is_not_dropped_from_again(
    wave_csv: Path, tmp_path: Path
) -> None:
    _, folder = train(_options(wave_csv, data={"drop": 0.3}, seed=3, epochs=1), tmp_path / "run")
    series = load_series(wave_csv)
    mine, whole = forecast(folder, series.drop(0.3, 3)), forecast(folder, series)
    assert mine.trained_on
    assert mine.windows.series.dropped == round(0.3 * len(series))
    np.testing.assert_array_equal(mine.values, whole.values)


def test_absurd_value_is_refused(wave_csv: Path, tmp_path: Path) -> None:
    _, folder = train(_options(wave_csv, epochs=1), tmp_path / "run")
    series = load_series(wave_csv)
    values = series.values.copy()
    values[40] = 1e30
    with pytest.raises(DataError, match=r"a number is .* times the scale of the training windows"):
        forecast(folder, replace(series, values=values))


def test_forecast_that_is_no_number_is_refused(wave_csv: Path, tmp_path: Path) -> None:
    _, folder = train(_options(wave_csv, epochs=1), tmp_path / "run")
    layers = canonical.load(folder / "model.safetensors", technology="numpy")
    spoiled = {k: np.full_like(v, np.nan) for k, v in layers["head"].get_native().items()}
    layers["head"].set_native(spoiled)
    canonical.save(layers, folder / "model.safetensors")
    with pytest.raises(
        DataError, match=r"wave: the forecast from .* on is no number, with 1.. more"
    ):
        forecast(folder, wave_csv)
