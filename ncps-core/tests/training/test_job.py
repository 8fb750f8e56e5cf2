"""The whole job on the technology numpy: train, continue, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import ncps
from ncps import registry
from ncps.errors import ConfigError, DataError, FileFormatError, PluginError
from ncps.training import (
    DataOptions,
    LoopOptions,
    ModelOptions,
    Ridge,
    Scaling,
    TrainingError,
    TrainOptions,
    _job,
    fit,
    make_windows,
    resume,
    train,
)
from ncps.training._model import build_model

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


def test_model_learns_more_than_persistence(wave_csv: Path, tmp_path: Path) -> None:
    options = _options(wave_csv, model={"wiring": "full:16,16"}, epochs=40, learning_rate=0.05)
    run, _ = train(options, tmp_path / "run")
    errors = run.errors()
    assert errors["CfC"].mae < 0.8 * errors["persistence"].mae


def test_later_values_change_neither_parameters_nor_baseline(wave) -> None:
    series = wave(160)
    windows = make_windows(series, window=8)
    late = series.time > windows.ends[1]
    spoiled = replace(windows, series=replace(series, values=series.values + 50.0 * late))
    model, loop = ModelOptions(wiring="auto:8,2"), LoopOptions(epochs=3)
    one, two = fit(windows, model, loop), fit(spoiled, model, loop)
    assert one.scaling == two.scaling
    assert one.state.history == two.state.history
    assert all(np.array_equal(one.state.best[k], two.state.best[k]) for k in one.state.best)
    np.testing.assert_array_equal(one.ridge.weights, two.ridge.weights)
    assert one.errors()["CfC"].mae != two.errors()["CfC"].mae


def test_same_seed_same_files_and_another_seed_others(wave_csv: Path, tmp_path: Path) -> None:
    data = {"drop": 0.2}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(_options(wave_csv, data=data, seed=seed), tmp_path / name)
    content = {
        name: [(tmp_path / name / file).read_bytes() for file in ("metrics.json", "config.json")]
        for name in "abc"
    }
    assert content["a"] == content["b"]
    assert content["a"][0] != content["c"][0]


@pytest.mark.parametrize("stop", [1, 3])
def test_resumed_run_gives_the_numbers_of_an_uninterrupted_one(
    wave_csv: Path, tmp_path: Path, stop: int
) -> None:
    data = {"drop": 0.2}
    train(_options(wave_csv, data=data, epochs=5), tmp_path / "whole")
    train(_options(wave_csv, data=data, epochs=stop), tmp_path / "part")
    _, folder = resume(tmp_path / "part", epochs=5)
    assert folder == tmp_path / "part"
    assert _json(folder, "metrics.json") == _json(tmp_path / "whole", "metrics.json")
    assert _json(folder, "config.json") == _json(tmp_path / "whole", "config.json")
    for name in ("model.safetensors", "checkpoint.safetensors"):
        mine, whole = load_file(folder / name), load_file(tmp_path / "whole" / name)
        assert mine.keys() == whole.keys()
        assert all(np.array_equal(mine[key], whole[key]) for key in whole)


def test_resume_writes_elsewhere_when_asked(wave_csv: Path, tmp_path: Path) -> None:
    train(_options(wave_csv, epochs=1), tmp_path / "part")
    before = _json(tmp_path / "part", "metrics.json")
    resume(tmp_path / "part", epochs=2, out=tmp_path / "more")
    assert _json(tmp_path / "part", "metrics.json") == before
    assert _json(tmp_path / "more", "metrics.json")["epochs"] == 2
    with pytest.raises(ConfigError, match="more is not empty"):
        resume(tmp_path / "part", epochs=2, out=tmp_path / "more")


def test_resume_of_a_finished_run_says_so(wave_csv: Path, tmp_path: Path) -> None:
    train(_options(wave_csv, epochs=2), tmp_path / "run")
    before = _json(tmp_path / "run", "metrics.json")
    notes: list[str] = []
    resume(tmp_path / "run", note=notes.append)
    assert notes[1:] == ["the run is over: its epochs limit is reached; raise it with --epochs"]
    assert _json(tmp_path / "run", "metrics.json") == before


def test_resume_finds_a_series_that_was_moved(wave_csv: Path, tmp_path: Path) -> None:
    train(_options(wave_csv, epochs=1), tmp_path / "run")
    moved = wave_csv.rename(tmp_path / "moved.csv")
    resume(tmp_path / "run", source=str(moved), epochs=2)
    assert _json(tmp_path / "run", "config.json")["options"]["data"]["source"] == str(moved)


def test_resume_refuses_a_changed_series(wave_csv: Path, tmp_path: Path) -> None:
    train(_options(wave_csv, epochs=1), tmp_path / "run")
    rows = wave_csv.read_text().splitlines()
    wave_csv.write_text("\n".join(rows[:-1]) + "\n")
    with pytest.raises(ConfigError, match=r"is no longer the series that .*run was trained on"):
        resume(tmp_path / "run", epochs=2)


def test_interrupted_run_is_kept_and_continues(
    wave_csv: Path, tmp_path: Path, numpy_trains, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(_options(wave_csv, epochs=4), tmp_path / "whole")
    step, calls = numpy_trains.step, []

    def interrupted(self, batch, rate: float) -> float:
        calls.append(1)
        if len(calls) == 17:
            raise KeyboardInterrupt
        return step(self, batch, rate)

    monkeypatch.setattr(numpy_trains, "step", interrupted)
    run, folder = train(_options(wave_csv, epochs=4), tmp_path / "run")
    assert run.stopped == _json(folder, "metrics.json")["stopped"] == "interrupted"
    assert 0 < run.state.epochs < 4
    resume(folder)
    assert _json(folder, "metrics.json") == _json(tmp_path / "whole", "metrics.json")


@pytest.mark.parametrize("first", ["in the loop", "while saving"])
def test_ctrl_c_while_saving_does_not_lose_the_run(
    wave_csv: Path, tmp_path: Path, numpy_trains, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    step, calls = numpy_trains.step, []

    def interrupted(self, batch, rate: float) -> float:
        calls.append(1)
        if len(calls) == 17 and first == "in the loop":
            signal.raise_signal(signal.SIGINT)
        return step(self, batch, rate)

    def impatient(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(numpy_trains, "step", interrupted)
    for moment in ("save_state", "save_forecast_plot", "_draw_wiring"):
        real = getattr(_job, moment)
        monkeypatch.setattr(_job, moment, lambda *words, real=real: (impatient(), real(*words))[1])
    ridge = Ridge.fit
    monkeypatch.setattr(Ridge, "fit", lambda *parts: (impatient(), ridge(*parts))[1])
    notes: list[str] = []
    try:
        run, folder = train(_options(wave_csv), tmp_path / "run", note=notes.append)
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C went through")
    assert notes[1:] == ["saving …"] * 4
    assert run.stopped == ("interrupted" if first == "in the loop" else "epochs")
    assert _json(folder, "metrics.json")["epochs"] == run.state.epochs > 0
    assert sorted(os.listdir(tmp_path)) == ["run", "wave.csv"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_before_the_loop_goes_through(
    wave_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ncps.training._fit.build_model", lambda *_, **__: signal.raise_signal(signal.SIGINT)
    )
    with pytest.raises(KeyboardInterrupt):
        train(_options(wave_csv), tmp_path / "run")
    assert os.listdir(tmp_path) == ["wave.csv"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_metrics_that_are_no_numbers_do_not_cost_the_run(
    wave_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_job, "run_metrics", lambda fit: {"mae": [float("nan"), 1.5]})
    _, folder = train(_options(wave_csv, epochs=1), tmp_path / "run")
    assert _json(folder, "metrics.json") == {"mae": [None, 1.5]}


def test_place_is_made_before_the_training(
    wave_csv: Path, tmp_path: Path, numpy_trains, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trains(*_: object) -> float:
        pytest.fail("the training began")

    monkeypatch.setattr(numpy_trains, "step", trains)
    with pytest.raises(ConfigError, match="cannot be written"):
        train(_options(wave_csv), wave_csv / "run")


def test_interruption_before_the_first_epoch_leaves_nothing(
    wave_csv: Path, tmp_path: Path, numpy_trains, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self, batch, rate: float) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(numpy_trains, "step", interrupted)
    with pytest.raises(TrainingError, match="interrupted before the first epoch was done"):
        train(_options(wave_csv), tmp_path / "run")
    assert os.listdir(tmp_path) == ["wave.csv"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"data": {"value": "co2"}}, DataError, "there is no column 'co2'"),
        ({"data": {"window": 150}}, DataError, "give no train window of 150"),
        ({"data": {"window": 500}}, DataError, "160 observations are too few for a window of 500"),
        ({"data": {"horizon": "6"}}, ConfigError, "horizon '6' needs a unit"),
        ({"model": {"wiring": "auto:8,9"}}, ValueError, "AutoNCP"),
        ({"model": {"layer": "CFC"}}, ValueError, "unknown layer 'CFC'. Did you mean 'CfC'?"),
        ({"model": {"layer": "Dense"}}, ConfigError, "layer 'Dense' is no sequence layer"),
        ({"model": {"layer": "LSTM"}}, ConfigError, "layer 'LSTM' takes no wiring; give units"),
        ({"model": {"options": {"mod": "pure"}}}, ValueError, "Did you mean 'mode'?"),
        ({"model": {"options": {"mode": "x"}}}, ValueError, "unknown CfC mode 'x'"),
        ({"model": {"options": {"return_state": True}}}, ConfigError, "'return_state' is set by"),
        ({"model": {"wiring": ""}}, ValueError, "unknown wiring ''"),
        ({"model": {"wiring": None, "units": 0}}, ValueError, "units .*got 0"),
        ({"data": {"time": ""}}, DataError, "there is no column ''"),
        ({"learning_rate": 1e300}, TrainingError, "the loss became (nan|inf) in epoch"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_failure_leaves_no_folder(
    wave_csv: Path, tmp_path: Path, change, error, message: str
) -> None:
    with pytest.raises(error, match=message):
        train(_options(wave_csv, **change), tmp_path / "run")
    assert os.listdir(tmp_path) == ["wave.csv"]


def test_wiring_and_units_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="wiring 'auto:8' and units 4 exclude each other"):
        ModelOptions(wiring="auto:8", units=4)


@pytest.mark.parametrize(
    ("layer", "options", "used"),
    [
        ("CfC", {}, {"wiring": "auto:32", "units": None}),
        ("CfC", {"units": 5}, {"wiring": None, "units": 5}),
        ("LSTM", {}, {"wiring": None, "units": 32}),
    ],
)
def test_config_holds_what_was_used(
    wave_csv: Path, tmp_path: Path, layer: str, options, used
) -> None:
    model = {"wiring": None, "layer": layer, **options}
    _, folder = train(_options(wave_csv, model=model, epochs=1), tmp_path / "run")
    assert used.items() <= _json(folder, "config.json")["model"].items()


def test_head_begins_with_other_numbers_than_the_recurrent_layer(wave) -> None:
    windows = make_windows(wave(160), window=8)
    batch = Scaling.fit(windows.part("train")).batch(windows)
    model = ModelOptions(layer="LSTM", units=4)
    built = build_model(model, batch, seed=7, weight_decay=0.0, clip_norm=1.0)
    for name, seed in (("recurrent", 7), ("head", 8)):
        mine, layer = ncps.parameters(built.layers[name]), built.layers[name]
        expected = layer.spec.initial_parameters(seed)
        other = layer.spec.initial_parameters(15 - seed)
        assert all(np.array_equal(mine[key], expected[key]) for key in expected)
        assert any(not np.array_equal(mine[key], other[key]) for key in expected)


@pytest.mark.parametrize("key", ["technology", "framework"])
def test_resumed_run_stays_where_it_began(
    wave_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    _, folder = train(_options(wave_csv, epochs=1), tmp_path / "run")
    config = _json(folder, "config.json")
    config["provider"][key] = "elsewhere"
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=f"{key} 'elsewhere'"):
        resume(folder, epochs=2)


def test_filled_folder_is_refused_before_the_training(wave_csv: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not empty; name another folder with --out"):
        train(_options(wave_csv), tmp_path)


def test_default_folder_is_numbered(
    wave_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [train(_options(wave_csv, epochs=1))[1] for _ in range(2)]
    assert [str(folder) for folder in folders] == ["wave-CfC", "wave-CfC-2"]


def test_layer_that_takes_a_wiring_gets_one_by_default(wave_csv: Path, tmp_path: Path) -> None:
    run, _ = train(_options(wave_csv, model={"wiring": None}, epochs=1), tmp_path / "run")
    assert run.built.wiring == "auto:32"
    assert run.built.layers["recurrent"].spec.wiring.units == 32


def test_gaps_and_drops_are_noted(wave_csv: Path, tmp_path: Path) -> None:
    rows = wave_csv.read_text().splitlines()
    rows[5] = rows[5].split(",")[0] + ","
    wave_csv.write_text("\n".join(rows) + "\n")
    notes: list[str] = []
    train(_options(wave_csv, data={"drop": 0.25}, epochs=1), tmp_path / "run", note=notes.append)
    assert notes == [
        "wave: 1 row without a value is a gap",
        "wave: 40 of 159 observations dropped at random",
        "wave: column 'level (m)' is forecast 6d ahead, by the times in column 'date'",
    ]


def test_no_trainer_says_what_to_install(
    wave_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(framework: str):
        raise PluginError("nothing installed offers a trainer for 'numpy'.")

    monkeypatch.setattr(registry, "trainer", nothing)
    with pytest.raises(PluginError, match=r'install a framework to train, .*"ncps\[mlx\]"'):
        train(_options(wave_csv), tmp_path / "run")


def test_checkpoint_that_is_none_is_refused(wave_csv: Path, tmp_path: Path) -> None:
    _, folder = train(_options(wave_csv, epochs=1), tmp_path / "run")
    os.replace(folder / "model.safetensors", folder / "checkpoint.safetensors")
    with pytest.raises(FileFormatError, match="is no checkpoint of this version"):
        resume(folder, epochs=2)
    (folder / "checkpoint.safetensors").write_bytes(b"junk")
    with pytest.raises(FileFormatError, match="cannot be read as a checkpoint"):
        resume(folder, epochs=2)
