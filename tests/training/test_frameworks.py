"""`ncps train` on each framework: a continued run, and its forecasts in all other technologies."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
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

FRAMEWORKS = [name for name in ("mlx", "torch") if find_spec(name) is not None]
if not FRAMEWORKS:
    pytest.skip("needs a framework", allow_module_level=True)

# of the scaled forecast: float32 in two frameworks
FORECAST_TOLERANCE = 1e-5


@pytest.fixture(params=FRAMEWORKS)
def options(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> TrainOptions:
    for name in ("save_forecast_plot", "_draw_wiring"):
        monkeypatch.setattr(f"ncps.training._job.{name}", lambda fit, path: None)
    rng = np.random.default_rng(0)
    time = np.cumsum(rng.uniform(0.5, 2.0, 120))
    values = np.sin(time / 9) + 0.05 * rng.standard_normal(120)
    rows = [f"{t:.6f},{v:.6f}" for t, v in zip(time, values, strict=True)]
    (tmp_path / "wave.csv").write_text("\n".join(["t,level", *rows]) + "\n")
    return TrainOptions(
        data=DataOptions(source=str(tmp_path / "wave.csv"), window=8, horizon="5", drop=0.1),
        model=ModelOptions(wiring="auto:12,3", framework=request.param),
        loop=LoopOptions(epochs=4, batch_size=16, seed=5),
    )


def _metrics(folder: Path) -> object:
    return json.loads((folder / "metrics.json").read_text())


def test_continued_run_equals_an_uninterrupted_one(options: TrainOptions, tmp_path: Path) -> None:
    run, whole = train(options, tmp_path / "whole")
    assert run.built.provider.framework == options.model.framework
    train(replace(options, loop=replace(options.loop, epochs=2)), tmp_path / "part")
    assert _metrics(tmp_path / "part") != _metrics(whole)
    _, part = resume(tmp_path / "part", epochs=4)
    assert _metrics(part) == _metrics(whole)


@pytest.mark.parametrize("elsewhere", ["numpy", *FRAMEWORKS])
def test_other_technologies_forecast_the_same(
    options: TrainOptions, elsewhere: str, tmp_path: Path
) -> None:
    run, folder = train(options, tmp_path / "run")
    series = options.data.source
    here = forecast(folder, series, framework=options.model.framework)
    there = forecast(folder, series, framework=elsewhere)
    assert f" on {elsewhere} (" in there.provider
    np.testing.assert_allclose(there.scaled, here.scaled, rtol=0, atol=FORECAST_TOLERANCE)
    known = here.windows.split >= 0
    error = (here.values[known] - run.forecasts["CfC"]) / run.scaling.target_scale
    np.testing.assert_allclose(error, 0, rtol=0, atol=FORECAST_TOLERANCE)
