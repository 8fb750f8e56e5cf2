from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from ncps.training import (
    LoopOptions,
    ModelOptions,
    ProgressReport,
    fit,
    make_windows,
    summary_table,
)
from ncps.training._loop import Epoch


def _run(console: Console, epochs: int, done: int = 0, unit: str = "ppm") -> str:
    with ProgressReport(console, epochs, done=done, scale=2.0, unit=unit) as report:
        for number in range(done + 1, epochs + 1):
            for step in (1, 2):
                report.step(number, step, 2, 0.5 / number)
            report.epoch(number, Epoch(0.5 / number, 0.25), best=number == done + 1)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_elsewhere_than_on_a_terminal_there_are_a_few_plain_lines() -> None:
    lines = _run(Console(file=io.StringIO(), width=100), 60).splitlines()
    assert len(lines) == 13
    assert lines[0] == (
        "epoch 1/60  loss 0.5000  validation RMSE 1 ppm (best)  at most 0 s left"
    )  # fmt: skip
    assert [re.match(r"epoch (\d+)/60", line)[1] for line in lines][-2:] == ["55", "60"]
    assert "(best)" not in lines[-1]


def test_short_run_has_a_line_for_each_epoch() -> None:
    text = _run(Console(file=io.StringIO(), width=100), 3)
    assert re.findall(r"epoch (\d)/3", text) == ["1", "2", "3"]


def test_terminal_has_a_bar_with_loss_and_time_left() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    text = _run(console, 4, done=2)
    assert "epoch 4/4" in text
    assert "loss 0.1250  validation RMSE 1 ppm" in text
    assert re.search(r"(\d:\d\d:\d\d|-:--:--) left", text)
    assert "━" in text


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("unit", ["[/s]", "[ppm]", ":cat:"])
def test_brackets_in_a_unit_are_no_markup(terminal: bool, unit: str) -> None:
    console = Console(
        file=io.StringIO(), force_terminal=terminal, width=120, color_system=None, emoji=False
    )
    assert f"RMSE 1 {unit}" in _run(console, 2, unit=unit)


@pytest.mark.parametrize("unit", ["ppm", "/s", "bold"])
def test_table_shows_the_unit(wave, numpy_trains, unit: str) -> None:
    windows = make_windows(replace(wave(120), unit=unit), window=8)
    run = fit(windows, ModelOptions(wiring="auto:8,2"), LoopOptions(epochs=1))
    console = Console(file=io.StringIO(), width=120)
    console.print(summary_table(run))
    text = console.file.getvalue()
    assert f"MAE [{unit}]" in text
    assert f"RMSE [{unit}]" in text
