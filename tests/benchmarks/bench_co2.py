"""CfC beside ridge regression and the last value: CO2 at Mauna Loa, half of its samples dropped.

    python tests/benchmarks/bench_co2.py [PAGE]

Trains with the defaults of `ncps train` for four horizons and three seeds; the seed chooses the
dropped samples, the first parameters and the order of the batches. All three forecasts are scored
on the same held-out windows. With PAGE, the tables are written there as well.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ncps.training import DataOptions, Errors, Fit, LoopOptions, TrainOptions, forecast, train

HORIZONS = ("4w", "13w", "26w", "52w")
SEEDS = (0, 1, 2)
FORECASTS = ("CfC", "ridge", "persistence")
INTRODUCTION = """\
# CO₂ at Mauna Loa, half of the samples dropped

Written by `tests/benchmarks/bench_co2.py`. Every option is the default of `ncps train`, so the
first table is what `ncps train co2 --drop 0.5 --horizon 4w --seed 0` (1, 2) prints. The weekly
record (2225 observations, 1958 to 2001) loses half of its observations at random, by the seed. The
target is the observation nearest to the horizon, at most a quarter of the horizon away. Errors are
mean absolute errors in ppm on the last 15 % of the record, by which nothing was fitted or chosen.
Ridge sees the same windows; its penalty, and whether to add products with lead and Δt, are chosen
on the validation windows that stop the CfC.
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
    return Run(seed, fit.errors(), fit.state.epochs, seconds)


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
        "| seed | CfC | ridge | last value | CfC / ridge | windows | epochs | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in runs:
        cfc, ridge, last = (one.errors[name].mae for name in FORECASTS)
        rows.append(
            f"| {one.seed} | {cfc:.3f} | {ridge:.3f} | {last:.3f} | {cfc / ridge:.2f} "
            f"| {one.errors['CfC'].windows} | {one.epochs} | {one.seconds:.0f} |"
        )
    cfc, ridge, last = (
        float(np.mean([one.errors[name].mae for one in runs])) for name in FORECASTS
    )
    return [*rows, f"| mean | {cfc:.3f} | {ridge:.3f} | {last:.3f} | {cfc / ridge:.2f} | | | |"]


def verdict(horizon: str, runs: list[Run]) -> str:
    """Who wins on how many seeds, and by RMSE."""
    wins = sum(one.errors["CfC"].mae < one.errors["ridge"].mae for one in runs)
    squared = ", ".join(
        f"{label} {np.mean([one.errors[name].rmse for one in runs]):.3f}"
        for name, label in zip(FORECASTS, ("CfC", "ridge", "last value"), strict=True)
    )
    return (
        f"The CfC is better than ridge on {wins} of {len(runs)} seeds {horizon} ahead. "
        f"Mean RMSE in ppm: {squared}."
    )


def machine() -> str:
    """Hardware, versions and commit."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores; Python "
        f"{platform.python_version()}, ncps {version('ncps')} at {commit or 'an unknown commit'}, "
        f"MLX {version('mlx')}."
    )


def main() -> None:
    """Print the page as the runs end, and write it if asked."""
    page = [*INTRODUCTION.splitlines(), "", machine()]
    print("\n".join(page), flush=True)
    for horizon in HORIZONS:
        runs = [run(horizon, seed) for seed in SEEDS]
        part = ["", f"## {horizon} ahead", "", *table(runs), "", verdict(horizon, runs)]
        print("\n".join(part), flush=True)
        page += part
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
