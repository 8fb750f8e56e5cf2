"""CfC beside two ridge regressions and the last value: CO2 at Mauna Loa, half of it dropped.

    python tests/benchmarks/bench_co2.py [PAGE]

Trains with the defaults of `ncps train` for four horizons and three seeds; the seed chooses the
dropped samples, the first parameters and the order of the batches. All forecasts are scored on the
same held-out windows. With PAGE, the tables are written there as well.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from reports import machine

from ncps.training import (
    DataOptions,
    Errors,
    Fit,
    LoopOptions,
    TrainOptions,
    Windows,
    forecast,
    train,
)

HORIZONS = ("4w", "13w", "26w", "52w")
SEEDS = (0, 1, 2)
FORECASTS = {
    "CfC": "CfC",
    "ridge": "ridge",
    "even": "ridge on an even grid",
    "persistence": "last value",
}
WEEK = 7 * 86400.0
# step and number of grid values
GRIDS = ((WEEK, 47), (WEEK, 60), (2 * WEEK, 30), (2 * WEEK, 40), (52 / 24 * WEEK, 44))
ALPHAS = tuple(10.0 ** np.arange(-3, 5.5, 0.5))
INTRODUCTION = """\
# CO₂ at Mauna Loa, half of the samples dropped

Written by `tests/benchmarks/bench_co2.py`. Every option is the default of `ncps train`, so the
first table is what `ncps train co2 --drop 0.5 --horizon 4w --seed 0` (1, 2) prints. The weekly
record (2225 observations, 1958 to 2001) loses half of its observations at random, by the seed. The
target is the observation nearest to the horizon, at most a quarter of the horizon away. Errors are
mean absolute errors in ppm on the last 15 % of the record, by which nothing was fitted or chosen.
Ridge sees the same windows; its penalty, and whether to add products with lead and Δt, are chosen
on the validation windows that stop the CfC.

The stronger baseline, ridge on an even grid, is not part of `ncps train`: each window is
interpolated linearly onto an even grid that counts back from the forecast time less the horizon,
and ridge sees those values less the last one, the last value, the lead, and the values times the
lead. One of five grids and one of 17 penalties are chosen on the same validation windows. An even
grid suits this record, which was sampled weekly before half of it was dropped.
"""


@dataclass(frozen=True)
class Run:
    """One trained model: its errors, and the seconds that it took."""

    seed: int
    errors: dict[str, Errors]
    epochs: int
    seconds: float


def run(horizon: str, seed: int) -> Run:
    """Train once; the folder must forecast the same in NumPy before its errors count."""
    options = TrainOptions(
        data=DataOptions(source="co2", drop=0.5, horizon=horizon), loop=LoopOptions(seed=seed)
    )
    with tempfile.TemporaryDirectory() as parent:
        start = time.perf_counter()
        fit, folder = train(options, Path(parent) / "run")
        seconds = time.perf_counter() - start
        check_same(fit, folder)
    return Run(seed, {**fit.errors(), "even": even_grid(fit.windows)}, fit.state.epochs, seconds)


def even_grid(windows: Windows) -> Errors:
    """The test errors of ridge on evenly interpolated windows, all choices made on validation."""
    train, validation, test = (windows.part(name) for name in ("train", "validation", "test"))
    best, errors = np.inf, Errors.of(test.last, test.actual)
    for step, count in GRIDS:
        seen, chosen, held = (columns(part, step, count) for part in (train, validation, test))
        for alpha in ALPHAS:
            mean, scale = seen.mean(axis=0), seen.std(axis=0) + 1e-9
            z, change = (seen - mean) / scale, train.actual - train.last
            squares = z.T @ z + alpha * np.eye(z.shape[1])
            w = np.linalg.solve(squares, z.T @ (change - change.mean()))
            guess = validation.last + (chosen - mean) / scale @ w + change.mean()
            if (error := Errors.of(guess, validation.actual).rmse) < best:
                guess = test.last + (held - mean) / scale @ w + change.mean()
                best, errors = error, Errors.of(guess, test.actual)
    return errors


def columns(windows: Windows, step: float, count: int) -> np.ndarray:
    """What ridge on an even grid sees, (N, columns); before its first value a window is flat."""
    series, lead = windows.series, (windows.lead / windows.horizon)[:, None]
    time, values = series.time[windows.inputs], series.values[windows.inputs]
    start = windows.forecast_time - windows.horizon
    grid = start[:, None] - np.arange(1, count) * step
    even = np.stack([np.interp(g, t, v) for g, t, v in zip(grid, time, values, strict=True)])
    even -= windows.last[:, None]
    return np.hstack([even, windows.last[:, None], lead, even * (lead - 1)])


def check_same(fit: Fit, folder: Path) -> None:
    """The correctness gate: NumPy and the framework agree to 1e-5 of the target's scale."""
    result = forecast(folder, "co2", technology="numpy")
    mine = result.values[result.windows.split >= 0]
    largest = np.abs(mine - fit.forecasts["CfC"]).max() / fit.scaling.target_scale
    if not largest <= 1e-5:
        raise SystemExit(f"numpy forecasts differ by {largest:.1e} of the target's scale")


def table(runs: list[Run]) -> list[str]:
    """Rows for one horizon: mean absolute errors in ppm by seed, then their mean."""
    rows = [
        f"| seed | {' | '.join(FORECASTS.values())} | windows | epochs | seconds |",
        f"|{'---|' * (len(FORECASTS) + 4)}",
    ]
    for one in runs:
        cells = " | ".join(f"{one.errors[name].mae:.3f}" for name in FORECASTS)
        rows.append(
            f"| {one.seed} | {cells} | {one.errors['CfC'].windows} | {one.epochs} "
            f"| {one.seconds:.0f} |"
        )
    cells = " | ".join(f"{mean(runs, name):.3f}" for name in FORECASTS)
    return [*rows, f"| mean | {cells} | | | |"]


def mean(runs: list[Run], name: str, error: str = "mae") -> float:
    """A forecast's error, meaned over the seeds."""
    return float(np.mean([getattr(one.errors[name], error) for one in runs]))


def verdict(horizon: str, runs: list[Run]) -> str:
    """Against whom the CfC wins, on how many seeds and by how much, and the squared errors."""
    lines = []
    for name in ("ridge", "even"):
        wins = sum(one.errors["CfC"].mae < one.errors[name].mae for one in runs)
        ratio = mean(runs, "CfC") / mean(runs, name)
        lines.append(
            f"{horizon} ahead the CfC is better than {FORECASTS[name]} on {wins} of {len(runs)} "
            f"seeds; its mean error is {ratio:.2f} times that one's."
        )
    squared = (f"{label} {mean(runs, name, 'rmse'):.3f}" for name, label in FORECASTS.items())
    return "\n".join([*lines, f"Mean RMSE in ppm: {', '.join(squared)}."])


def summary(results: dict[str, list[Run]]) -> list[str]:
    """The page's first section: at which horizons the best forecast is whose."""
    lines = ["", "## In short", "", "The least mean error at each horizon, in ppm:", ""]
    for horizon, runs in results.items():
        order = sorted(FORECASTS, key=lambda name: mean(runs, name))
        ranked = ", ".join(f"{FORECASTS[name]} {mean(runs, name):.3f}" for name in order)
        lines.append(f"- {horizon}: **{FORECASTS[order[0]]}**; {ranked}")
    beaten = [h for h, runs in results.items() if mean(runs, "even") < mean(runs, "CfC")]
    if beaten:
        lines += [
            "",
            f"Ridge on an even grid beats the CfC {', '.join(beaten)} ahead: on this record, a "
            "linear model of well-prepared inputs is the better forecast there.",
        ]
    return lines


def main() -> None:
    """Print the page as the runs end, and write it if asked."""
    head = [*INTRODUCTION.splitlines(), "", machine("mlx")]
    print("\n".join(head), flush=True)
    results: dict[str, list[Run]] = {}
    page: list[str] = []
    for horizon in HORIZONS:
        runs = results[horizon] = [run(horizon, seed) for seed in SEEDS]
        part = ["", f"## {horizon} ahead", "", *table(runs), "", verdict(horizon, runs)]
        print("\n".join(part), flush=True)
        page += part
    short = summary(results)
    print("\n".join(short), flush=True)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text("\n".join([*head, *short, *page]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
