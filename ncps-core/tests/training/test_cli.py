"""`ncps train` and `ncps predict` as they are typed."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ncps.cli import main
from ncps.training import load_series

pytestmark = pytest.mark.usefixtures("numpy_trains", "no_plots", "in_tmp_path")
SMALL = ["--window", "8", "--wiring", "auto:8,2", "--batch-size", "16", "--epochs", "3"]


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("save_forecast_plot", "_draw_wiring"):
        monkeypatch.setattr(f"ncps.training._job.{name}", lambda fit, path: None)


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _config(folder: str):
    return json.loads((Path(folder) / "config.json").read_text())


def test_train_prints_the_error_beside_the_baselines(wave_csv: Path, capsys) -> None:
    assert main(["train", "wave.csv", "--horizon", "6d", "--drop", "0.1", *SMALL]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "wave: 16 of 160 observations dropped at random" in out
    assert re.search(r"epoch 3/3  loss \d\.\d{4}  validation RMSE \S+ m.*at most 0 s left", out)
    assert "held-out error, 6d ahead, " in out
    metrics = json.loads(Path("wave-CfC/metrics.json").read_text())
    for name, errors in metrics["errors"]["test"].items():
        assert re.search(rf"{name} .* {errors['mae']:.4g} .* {errors['rmse']:.4g} ", out)
    ratio = metrics["test_mae_ratio"]["CfC / ridge"]
    assert f"{abs(1 - ratio):.0%} {'better' if ratio < 1 else 'worse'}" in out
    assert "written to wave-CfC" in out


def test_options_reach_the_run(wave_csv: Path) -> None:
    words = "--time date --unit cm --tolerance 2d --layer CfC --wiring full:6,3 --mode no_gate"
    words += " --set mixed_memory=true --seed 7 --learning-rate 0.01 --patience 9 --out run"
    words += " --decay-epochs 30 --weight-decay 0.1 --clip-norm 2 --window 9 --epochs 1"
    assert main(["train", "wave.csv", *words.split()]) == 0
    options = _config("run")["options"]
    assert options["data"]["tolerance"] == "2d"
    assert (options["data"]["window"], options["data"]["unit"]) == (9, "cm")
    assert options["model"]["options"] == {"mixed_memory": True, "mode": "no_gate"}
    assert options["model"]["wiring"] == "full:6,3"
    loop = {"seed": 7, "learning_rate": 0.01, "patience": 9, "decay_epochs": 30}
    assert loop.items() <= options["loop"].items()
    assert {"weight_decay": 0.1, "clip_norm": 2.0}.items() <= options["loop"].items()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date,v\n2001-01-01,1\n2001-01-02,x\n", "row 3, column 'v': 'x' is not a number"),
        ("date,v\n2001-01-02,1\n2001-01-01,2\n", "row 3, column 'date': 2001-01-01 is earlier"),
        ("date,v\n2001-01-01,1\n2001-01-01,2\n", "row 3, column 'date': 2001-01-01 repeats"),
        ("date,v\n2001-01-01,nan\n2001-01-02,2\n", "row 2, column 'v': 'nan' is not a finite"),
        ("date,v\n2001-01-01,1\n", "only row 2 has a value in column 'v'"),
        ("", "the file is empty"),
        ("date,v\n2001-01-01,1\n2001-01-02,2\n", "2 observations are too few for a window of 48"),
        ("date,v\n2001-01-01,1,2\n2001-01-02,2\n", "row 2: expected 2 cells"),
    ],
)
def test_bad_csv_is_one_line_exit_code_2_and_no_folder(
    tmp_path: Path, text: str, message: str, capsys
) -> None:
    (tmp_path / "bad.csv").write_text(text)
    assert main(["train", "bad.csv", "--out", "run"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert os.listdir(tmp_path) == ["bad.csv"]


def test_missing_column_is_one_line(wave_csv: Path, capsys) -> None:
    assert main(["train", "wave.csv", "--value", "depth"]) == 2
    err = capsys.readouterr().err
    assert "there is no column 'depth'; row 1 names 'date', 'level (m)'" in err
    assert os.listdir() == ["wave.csv"]


def test_train_without_a_series_says_what_it_expects(capsys) -> None:
    assert main(["train"]) == 2
    assert "expected SERIES, a CSV or co2, or --resume FOLDER" in capsys.readouterr().err


def test_setting_that_is_none_is_refused(capsys) -> None:
    assert main(["train", "co2", "--set", "mode"]) == 2
    assert "--set 'mode' is not KEY=VALUE" in capsys.readouterr().err


def test_resume_continues_in_place(wave_csv: Path, capsys) -> None:
    assert main(["train", "wave.csv", "--out", "run", *SMALL]) == 0
    assert main(["train", "--resume", "run", "--epochs", "5"]) == 0
    assert _config("run")["options"]["loop"]["epochs"] == 5
    assert "epoch 4/5" in capsys.readouterr().out


def test_resume_takes_the_whole_command_again(wave_csv: Path) -> None:
    assert main(["train", "wave.csv", "--out", "run", *SMALL]) == 0
    assert main(["train", "wave.csv", *SMALL[:-2], "--epochs", "4", "--resume", "run"]) == 0
    assert json.loads(Path("run/metrics.json").read_text())["epochs"] == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--window", "9"], "window 9 differs from the run of run, 8; only epochs, patience and"),
        (["--mode", "pure"], "set {'mode': 'pure'} differs from the run of run, {}"),
        (["--seed", "1"], "seed 1 differs from the run of run, 0"),
    ],
)
def test_resume_refuses_another_run(wave_csv: Path, words, message: str, capsys) -> None:
    assert main(["train", "wave.csv", "--out", "run", *SMALL]) == 0
    assert main(["train", "--resume", "run", *words]) == 2
    assert message in capsys.readouterr().err


def test_ctrl_c_keeps_what_was_learned(
    wave_csv: Path, numpy_trains, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    step, calls = numpy_trains.step, []

    def interrupted(self, batch, rate: float) -> float:
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return step(self, batch, rate)

    monkeypatch.setattr(numpy_trains, "step", interrupted)
    assert main(["train", "wave.csv", "--out", "run", *SMALL]) == 130
    assert "continue with: ncps train --resume run" in capsys.readouterr().out
    assert main(["train", "--resume", "run"]) == 0
    assert json.loads(Path("run/metrics.json").read_text())["stopped"] == "epochs"


@pytest.mark.parametrize("where", ["step", "build"])
def test_ctrl_c_before_there_is_anything_is_one_line(
    wave_csv: Path, numpy_trains, monkeypatch: pytest.MonkeyPatch, capsys, where: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    if where == "step":
        monkeypatch.setattr(numpy_trains, "step", interrupted)
    else:
        monkeypatch.setattr("ncps.training._fit.build_model", interrupted)
    assert main(["train", "wave.csv", "--out", "run", *SMALL]) == 130
    assert re.fullmatch(r"ncps: interrupted.*\n", capsys.readouterr().err)
    assert os.listdir() == ["wave.csv"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--clip-norm", "inf"], "clip_norm inf cannot be; expected a positive number"),
        (["--learning-rate", "inf"], "learning_rate inf cannot be"),
        (["--weight-decay", "nan"], "weight_decay nan cannot be"),
        (["--drop", "nan"], "drop nan is not a fraction"),
        (["--tolerance", "9" * 400 + "d"], "is not a positive length of time"),
        (["--wiring", ""], "unknown wiring ''"),
        (["--out", "wave.csv/run"], "wave.csv/run cannot be written"),
    ],
)
def test_train_that_cannot_be_is_one_line(wave_csv: Path, words, message: str, capsys) -> None:
    assert main(["train", "wave.csv", "--window", "8", *words]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert "epoch" not in out
    assert os.listdir() == ["wave.csv"]


def test_predict_writes_a_csv_and_the_error(wave_csv: Path, capsys) -> None:
    assert main(["train", "wave.csv", "--out", "run", "--horizon", "6d", *SMALL]) == 0
    capsys.readouterr()
    assert main(["predict", "run", "wave.csv", "--technology", "numpy", "--out", "p.csv"]) == 0
    out, err = capsys.readouterr()
    mae = json.loads(Path("run/metrics.json").read_text())["errors"]["test"]["CfC"]["mae"]
    assert err == ""
    assert f"held-out MAE {mae:.4g} m over" in out
    header, *rows = csv.reader(Path("p.csv").read_text().splitlines())
    assert header == ["time", "forecast_time", "forecast", "actual"]
    series = load_series("wave.csv")
    assert len(rows) == len(series) - 8 + 1
    known = {series.clock.format(t): v for t, v in zip(series.time, series.values, strict=True)}
    assert all(float(row[3]) == known[row[1]] for row in rows if row[3])
    assert rows[-1][3] == ""
    assert np.isfinite([float(row[2]) for row in rows]).all()


def test_predict_that_the_disk_refuses_is_one_line(
    wave_csv: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["train", "wave.csv", "--out", "run", *SMALL]) == 0
    capsys.readouterr()

    def full(self: Path, *_: object) -> None:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert main(["predict", "run", "wave.csv", "--out", "p.csv"]) == 2
    message = "ncps: error: --out p.csv cannot be written: No space left on device\n"
    assert capsys.readouterr().err == message
    assert sorted(os.listdir()) == ["run", "wave.csv"]


def test_predict_out_follows_a_link_and_keeps_a_device(wave_csv: Path, capsys) -> None:
    assert main(["train", "wave.csv", "--out", "run", *SMALL]) == 0
    Path("link.csv").symlink_to("p.csv")
    os.mkfifo("pipe")
    for out in ("link.csv", "pipe"):
        with ThreadPoolExecutor() as reader:
            text = reader.submit(Path(out).read_text) if out == "pipe" else None
            assert main(["predict", "run", "wave.csv", "--out", out]) == 0
            header = (text.result() if text else Path("p.csv").read_text()).splitlines()[0]
        assert header == "time,forecast_time,forecast,actual"
    assert Path("link.csv").is_symlink()
    assert Path("pipe").is_fifo()


def test_predict_without_out_prints_the_csv_alone(wave_csv: Path, capsys) -> None:
    assert main(["train", "wave.csv", "--out", "run", *SMALL]) == 0
    capsys.readouterr()
    assert main(["predict", "run", "wave.csv"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("time,forecast_time,forecast,actual\n")
    assert len({line.count(",") for line in out.splitlines()}) == 1
    assert "forecasts by numpy on numpy" in err


def test_predict_drop_can_be_turned_off(wave_csv: Path, capsys) -> None:
    assert main(["train", "wave.csv", "--out", "run", "--drop", "0.25", *SMALL]) == 0
    capsys.readouterr()
    for words, rows in ([], 113), (["--drop", "0"], 153):
        assert main(["predict", "run", "wave.csv", *words]) == 0
        assert capsys.readouterr().out.count("\n") == rows + 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none", "wave.csv"], "none is no folder that ncps train wrote"),
        (["run", "none.csv"], "none.csv: the file cannot be read"),
        (["run", "wave.csv", "--out", "wave.csv"], "--out wave.csv is the series itself"),
        (["run", "wave.csv", "--out", "a/b.csv"], "--out a/b.csv cannot be written"),
        (["run", "wave.csv", "--technology", "nmpy"], "Did you mean 'numpy'?"),
    ],
)
def test_predict_that_cannot_be_is_one_line(wave_csv: Path, words, message: str, capsys) -> None:
    assert main(["train", "wave.csv", "--out", "run", *SMALL]) == 0
    before = wave_csv.read_text()
    capsys.readouterr()
    assert main(["predict", *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert wave_csv.read_text() == before
    assert sorted(os.listdir()) == ["run", "wave.csv"]


@pytest.mark.parametrize("command", ["train", "predict"])
def test_help_fits_the_terminal(command: str, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "SERIES" in out
