"""`ncps train` on MLX itself: a continued run, and forecasts of its folder without MLX."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ncps.training import (
    DataOptions,
    LoopOptions,
    ModelOptions,
    TrainOptions,
    forecast,
    resume,
    train,
)

pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)

# of the scaled forecast: float32 in two frameworks
FORECAST_TOLERANCE = 1e-5


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainOptions:
    for name in ("save_forecast_plot", "_draw_wiring"):
        monkeypatch.setattr(f"ncps.training._job.{name}", lambda fit, path: None)
    rng = np.random.default_rng(0)
    time = np.cumsum(rng.uniform(0.5, 2.0, 120))
    values = np.sin(time / 9) + 0.05 * rng.standard_normal(120)
    rows = [f"{t:.6f},{v:.6f}" for t, v in zip(time, values, strict=True)]
    (tmp_path / "wave.csv").write_text("\n".join(["t,level", *rows]) + "\n")
    return TrainOptions(
        data=DataOptions(source=str(tmp_path / "wave.csv"), window=8, horizon="5", drop=0.1),
        model=ModelOptions(wiring="auto:12,3", framework="mlx"),
        loop=LoopOptions(epochs=4, batch_size=16, seed=5),
    )


def _metrics(folder: Path) -> object:
    return json.loads((folder / "metrics.json").read_text())


def test_continued_run_equals_an_uninterrupted_one(options: TrainOptions, tmp_path: Path) -> None:
    run, whole = train(options, tmp_path / "whole")
    assert run.built.provider.framework == "mlx"
    train(replace(options, loop=replace(options.loop, epochs=2)), tmp_path / "part")
    assert _metrics(tmp_path / "part") != _metrics(whole)
    _, part = resume(tmp_path / "part", epochs=4)
    assert _metrics(part) == _metrics(whole)


def test_numpy_forecasts_what_mlx_forecasts(options: TrainOptions, tmp_path: Path) -> None:
    run, folder = train(options, tmp_path / "run")
    series = options.data.source
    mlx = forecast(folder, series, framework="mlx")
    numpy = forecast(folder, series, technology="numpy")
    assert mlx.provider != numpy.provider
    np.testing.assert_allclose(numpy.scaled, mlx.scaled, rtol=0, atol=FORECAST_TOLERANCE)
    known = mlx.windows.split >= 0
    error = (mlx.values[known] - run.forecasts["CfC"]) / run.scaling.target_scale
    np.testing.assert_allclose(error, 0, rtol=0, atol=FORECAST_TOLERANCE)
