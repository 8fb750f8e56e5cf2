"""What ncps-torch's kernels save a Keras layer on torch, on a CPU with one thread.

    python tests/benchmarks/bench_keras_torch.py [--repeats 9] [--cases CfC,LTC] [--page PAGE]

One layer runs with the kernels lent and without them, in turns in one process, after its values and
gradients have been compared. A training step is a forward and a backward pass; forward is without
gradients. The time is that of the process, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from reports import machine, ratio, spread

import ncps
from ncps import registry
from ncps.conversion.tolerances import TOLERANCES
from ncps.wirings import AutoNCP
from ncps_keras.ops import _lent

ROOT = Path(__file__).parents[2]
BATCH, STEPS, FEATURES, UNITS, OUTPUTS = 32, 128, 16, 64, 8
rng = np.random.default_rng(0)
X = torch.from_numpy(rng.normal(size=(BATCH, STEPS, FEATURES))).float()
CALLS: dict[str, dict[str, Any]] = {
    "all steps": {},
    "timespans": {"timespans": torch.from_numpy(rng.uniform(0.1, 2.0, (BATCH, STEPS))).float()},
    "mask": {"mask": torch.from_numpy(rng.random((BATCH, STEPS)) < 0.7)},
}


@dataclass(frozen=True)
class Case:
    """A layer; a wired one has an AutoNCP for its units."""

    layer: str
    wired: bool = False
    memory: bool = False
    calls: tuple[str, ...] = ("all steps", "mask")

    def __str__(self) -> str:
        units = f"AutoNCP({UNITS}, {OUTPUTS})" if self.wired else str(UNITS)
        return f"{self.layer}({FEATURES}, {units}){', mixed memory' if self.memory else ''}"

    def make(self) -> Any:
        """The layer."""
        units = AutoNCP(UNITS, OUTPUTS, seed=0) if self.wired else UNITS
        options = {"mixed_memory": True} if self.memory else {}
        given = {"input_size": FEATURES, "return_state": False, "seed": 0}
        return ncps.create(self.layer, framework="keras", units=units, **given, **options)


CASES = (
    Case("CfC", calls=("all steps", "timespans", "mask")),
    Case("CfC", wired=True),
    Case("LSTM"),
    Case("LTC", wired=True, calls=("all steps", "timespans", "mask")),
    Case("LTC"),
    Case("LTC", wired=True, memory=True),
    Case("ELTC", wired=True),
)


@contextmanager
def lending(kernels: dict[str, Any]) -> Iterator[None]:
    """These kernels are lent."""
    before, _lent._lent = _lent._lent, lambda: kernels
    try:
        yield
    finally:
        _lent._lent = before


def train(layer: Any, call: dict[str, Any]) -> None:
    """A forward and a backward pass."""
    layer.zero_grad()
    layer(X, **call).square().mean().backward()


def forward(layer: Any, call: dict[str, Any]) -> None:
    """A forward pass without gradients."""
    with torch.no_grad():
        layer(X, **call)


def milliseconds(run: Callable[..., None], layer: Any, call: dict[str, Any]) -> float:
    """The process time of one run."""
    start = time.process_time()
    run(layer, call)
    return 1e3 * (time.process_time() - start)


def check_same(layer: Any, call: dict[str, Any], kernels: dict[str, Any]) -> None:
    """Stop when the kernels, which must all have run, give other values than the loop."""
    bounds, results, used = TOLERANCES["float32"], [], []

    def watched(kernel: Any) -> Any:
        return lambda *given: used.append(kernel(*given)) or used[-1]

    for lent in ({name: watched(kernel) for name, kernel in kernels.items()}, {}):
        with lending(lent):
            train(layer, call)
            y = layer(X, **call).detach()
            results.append([y, *(p.grad.clone() for p in layer.parameters())])
    if not used or None in used:
        raise SystemExit(f"{layer.spec.layer}: expected a kernel to be lent")
    (y, *found), (expected, *gradients) = results
    np.testing.assert_allclose(y, expected, **bounds.values)
    for one, other in zip(found, gradients, strict=True):
        atol = bounds.gradients["atol"] + bounds.gradients["rtol"] * float(other.norm())
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)


def compare(case: Case, repeats: int) -> list[str]:
    """Rows of the table for one case."""
    kernels, rows = registry.kernels("torch"), []
    for name in case.calls:
        layer, call = case.make(), CALLS[name]
        check_same(layer, call, kernels)
        for run in (train, forward):
            times: list[list[float]] = [[], []]
            for _ in range(repeats):
                for lent, own in zip(({}, kernels), times, strict=True):
                    with lending(lent):
                        own.append(milliseconds(run, layer, call))
            rows.append(row(f"{case} | {name} | {run.__name__}", *times))
    return rows


def row(what: str, before: list[float], after: list[float]) -> str:
    """Both times, and the median of the ratios of neighbouring runs."""
    return f"| {what} | {spread(before)} | {spread(after)} | {ratio(before, after):.1f} |"


def beside_keras(repeats: int) -> list[str]:
    """A row for `keras.layers.LSTM`, whose training takes O(T²) on torch."""
    ours = Case("LSTM").make()
    theirs = keras.layers.LSTM(UNITS, return_sequences=True)
    rows = []
    for run in (train, forward):
        for layer in (theirs, ours):
            run(layer, {})
        times: list[list[float]] = [[], []]
        for _ in range(repeats):
            for layer, own in zip((theirs, ours), times, strict=True):
                own.append(milliseconds(run, layer, {}))
        rows.append(row(f"LSTM({FEATURES}, {UNITS}) | {run.__name__}", *times))
    return rows


def head() -> list[str]:
    """The page up to its first row."""
    return [
        "# Keras layers on torch, with the kernels of ncps-torch and without",
        "",
        "Written by `tests/benchmarks/bench_keras_torch.py`. Milliseconds of process time: median, "
        "and from the",
        "least to the most. The ratio is the median of the ratios of neighbouring runs of one "
        "layer, whose values",
        "and gradients were compared first. In the mask three steps in ten are not real.",
        "",
        machine("keras", "torch") + f" B{BATCH} T{STEPS}.",
        "",
        "| layer | call | | loop | kernels lent | times faster |",
        "|---|---|---|---|---|---|",
    ]


def main() -> None:
    """Print the tables as they grow, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--cases", default=",".join(sorted({case.layer for case in CASES})))
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    page: list[str] = []

    def show(lines: list[str]) -> None:
        print("\n".join(lines), flush=True)
        page.extend(lines)

    show(head())
    for case in CASES:
        if case.layer in options.cases.split(","):
            show(compare(case, options.repeats))
    if "LSTM" in options.cases.split(","):
        show(["", "| layer | | keras.layers.LSTM | ours, kernels lent | times faster |"])
        show(["|---|---|---|---|---|", *beside_keras(options.repeats)])
    if options.page:
        options.page.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
