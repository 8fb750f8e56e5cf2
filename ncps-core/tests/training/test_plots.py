"""The folder with its pictures, and without matplotlib."""

from __future__ import annotations

import builtins
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ncps.training import (
    DataOptions,
    Fit,
    LoopOptions,
    ModelOptions,
    Series,
    TrainOptions,
    fit,
    make_windows,
    train,
)
from ncps.training._plots import _open, save_forecast_plot

pytestmark = pytest.mark.usefixtures("numpy_trains")
FILES = {"model.safetensors", "checkpoint.safetensors", "config.json", "metrics.json"}
PLOTS = {"forecast.png", "wiring.png"}


def _options(source: Path, *, model=None, **loop) -> TrainOptions:
    return TrainOptions(
        data=DataOptions(source=str(source), window=8, horizon="6d"),
        model=ModelOptions(**{"wiring": "auto:8,2", **(model or {})}),
        loop=LoopOptions(**{"epochs": 4, "batch_size": 16, **loop}),
    )


def _json(folder: Path, name: str):
    return json.loads((folder / name).read_text())


def test_train_writes_one_whole_folder(wave_csv: Path, tmp_path: Path) -> None:
    notes: list[str] = []
    fit, folder = train(_options(wave_csv), tmp_path / "run", note=notes.append)
    assert set(os.listdir(folder)) == FILES | PLOTS
    assert sorted(os.listdir(tmp_path)) == ["run", "wave.csv"]
    assert len(notes) == 1
    metrics = _json(folder, "metrics.json")
    assert metrics["unit"] == "m"
    assert metrics["windows"] == fit.windows.counts()
    test = fit.windows.part("test")
    by_hand = np.abs(test.actual - test.last).mean()
    assert metrics["errors"]["test"]["persistence"]["mae"] == pytest.approx(by_hand)
    ours = metrics["errors"]["test"]["CfC"]["mae"]
    assert ours == fit.errors()["CfC"].mae
    assert metrics["test_mae_ratio"]["CfC / persistence"] == pytest.approx(ours / by_hand)
    assert (metrics["epochs"], metrics["stopped"]) == (4, "epochs")
    for name in PLOTS:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_unwired_layer_draws_no_wiring(wave_csv: Path, tmp_path: Path) -> None:
    model = {"layer": "LSTM", "wiring": None, "units": 4}
    fit, folder = train(_options(wave_csv, model=model, epochs=1), tmp_path / "run")
    assert set(os.listdir(folder)) == FILES | {"forecast.png"}
    assert fit.built.layers["recurrent"].spec.units == 4


def test_without_matplotlib_there_is_a_note(
    wave_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args, **kwargs):
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    notes: list[str] = []
    _, folder = train(_options(wave_csv, epochs=1), tmp_path / "run", note=notes.append)
    assert notes[1:] == ['no plots: matplotlib is not installed (pip install "ncps[plot]")']
    assert set(os.listdir(folder)) == FILES


def _fit(series: Series) -> Fit:
    loop = LoopOptions(epochs=1, batch_size=16)
    return fit(make_windows(series, window=8), ModelOptions(wiring="auto:8,2"), loop)


def test_lines_are_open_at_gaps_and_nowhere_else(wave: Callable[..., Series]) -> None:
    series = wave(100)
    time = series.time[:10].copy()
    time[6:] += 30 * 86400
    moments, values = _open(series, time, np.arange(10.0))
    assert np.flatnonzero(np.isnan(values)).tolist() == [6]
    assert values[~np.isnan(values)].tolist() == list(range(10))
    assert (np.diff(moments) >= np.timedelta64(0)).all()
    whole = _open(series, series.time, series.values)[1]
    assert not np.isnan(whole).any()


def test_plot_of_plain_numbers_and_of_an_unnamed_unit(
    wave: Callable[..., Series], tmp_path: Path
) -> None:
    series = wave(100)
    days = replace(
        series,
        clock=replace(series.clock, kind="number"),
        time=series.time / 86400,
        unit="",
        fingerprint="",
    )
    for name, one in (("a.png", series), ("b.png", days)):
        save_forecast_plot(_fit(one), tmp_path / name)
        assert (tmp_path / name).stat().st_size > 20_000


@pytest.mark.parametrize("column", ["rate_$_per_$", r"$\foo$", "a$", r"\$x$ {", "level [$/s]"])
def test_names_are_no_formulas(
    wave: Callable[..., Series], tmp_path: Path, column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.axes import Axes

    drawn: list[str] = []
    label = Axes.set_ylabel
    monkeypatch.setattr(
        Axes, "set_ylabel", lambda axes, text: (drawn.append(text), label(axes, text))[1]
    )
    series = replace(wave(100), name=column, columns=("date", column), unit=column)
    save_forecast_plot(_fit(series), tmp_path / "a.png")
    assert drawn[0].replace(r"\$", "$") == column


def test_date_near_the_end_of_time_costs_a_picture_at_most(tmp_path: Path) -> None:
    start = np.datetime64("9999-08-01")
    rows = [f"{start + 1 * k},{k % 7}" for k in range(150)]
    (tmp_path / "far.csv").write_text("\n".join(["date,v", *rows]) + "\n")
    _, folder = train(_options(tmp_path / "far.csv", epochs=1), tmp_path / "run")
    assert set(os.listdir(folder)) >= FILES


def test_picture_that_fails_is_a_note_and_the_other_is_drawn(
    wave_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fit: Fit, path: Path) -> None:
        path.write_bytes(b"half")
        raise ValueError("no\nformula " + "x" * 500)

    monkeypatch.setattr("ncps.training._job.save_forecast_plot", fail)
    notes: list[str] = []
    _, folder = train(_options(wave_csv, epochs=1), tmp_path / "run", note=notes.append)
    assert set(os.listdir(folder)) == FILES | {"wiring.png"}
    assert re.fullmatch(r"no forecast\.png: ValueError 'no form.*'", notes[1])
    assert len(notes[1]) < 100
