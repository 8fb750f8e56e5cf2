"""Recurrent layers on torch beside ncps 1.0.1 and beside torch's own, on a CPU with one thread.

    python -m pip install --no-deps --target ORIGINAL ncps==1.0.1
    python tests/benchmarks/bench_torch_liquid.py --original ORIGINAL [--repeats 9] [--page PAGE]

Both run interleaved in one process with the same parameters, after outputs and gradients have been
compared. A training step is zero_grad, forward, mean of squares, backward; forward is without
gradients. The time is that of the process, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from reports import machine, ratio, spread
from torch_pairs import Case, Pair, check_same, forward, kept, train

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "original"))
import original  # noqa: E402

LIQUID = (
    Case("C1", "CfC", 16, 64, 32, 128),
    Case("W1", "CfC", 16, 64, 32, 128, outputs=8),
    Case("C2", "CfC", 32, 128, 64, 512),
    Case("W2", "CfC", 32, 128, 64, 512, outputs=8),
    Case("L1", "LTC", 16, 64, 32, 128, outputs=8),
    Case("L2", "LTC", 32, 128, 64, 64, outputs=8),
    Case("C1m", "CfC", 16, 64, 32, 128, memory=True),
    Case("W1m", "CfC", 16, 64, 32, 128, outputs=8, memory=True),
    Case("L1m", "LTC", 16, 64, 32, 128, outputs=8, memory=True),
)
STOCK = tuple(
    Case(f"{name}{i}", name, features, units, batch, steps)
    for name in ("LSTM", "GRU", "RNN")
    for i, (features, units, batch, steps) in enumerate([(16, 64, 32, 128), (32, 128, 64, 512)], 1)
)
TABLES = {"ncps 1.0.1": LIQUID, "torch.nn": STOCK}


def measure(run: Callable[..., Any], pair: Pair, x: Any, repeats: int) -> list[list[float]]:
    """Milliseconds of ours and of theirs, in turns."""
    times: list[list[float]] = [[], []]
    for _ in range(repeats):
        for layer, own in zip((pair.ours, pair.theirs), times, strict=True):
            start = time.process_time()
            run(layer, x)
            own.append(1e3 * (time.process_time() - start))
    return times


def compare(case: Case, theirs: Any, repeats: int) -> list[str]:
    """Rows of the table for one case."""
    pair, x = case.pair(theirs), case.inputs()
    check_same(pair, x)
    rows = []
    for name, run in (("train", train), ("forward", forward)):
        run(pair.ours, x)
        ours, others = measure(run, pair, x, repeats)
        memory = [f"{kept(layer, x):.1f}" for layer in (pair.theirs, pair.ours)]
        cells = [
            case.name,
            str(case),
            name,
            spread(others),
            spread(ours),
            f"{ratio(others, ours):.1f}",
        ]
        cells += memory if run is train else ["", ""]
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def head() -> list[str]:
    """The page up to its first table."""
    return [
        "# Recurrent layers on torch beside ncps 1.0.1 and torch.nn",
        "",
        "Written by `tests/benchmarks/bench_torch_liquid.py`. Milliseconds of process time: "
        "median, and from the",
        "least to the most. The ratio is the median of the ratios of neighbouring runs. Both "
        "layers have the",
        "same parameters; their outputs and gradients were compared first. MB is what a forward "
        "pass keeps for",
        "the backward one.",
        "",
        machine("torch"),
    ]


def main() -> None:
    """Print the tables as they grow, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--original", default=original.PATH, help="folder with ncps 1.0.1")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--cases", default=",".join(c.name for c in (*LIQUID, *STOCK)))
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    if options.original is None:
        parser.error("pass --original, a folder with ncps 1.0.1: see the top of this file")
    torch.set_num_threads(1)
    theirs = original.load(options.original)
    page = head()
    print("\n".join(page), flush=True)
    for other, cases in TABLES.items():
        table = [
            "",
            f"| | layer | | {other} | ours | times faster | MB, {other} | MB, ours |",
            "|---|---|---|---|---|---|---|---|",
        ]
        print("\n".join(table), flush=True)
        page += table
        for case in cases:
            if case.name in options.cases.split(","):
                rows = compare(case, theirs, options.repeats)
                print("\n".join(rows), flush=True)
                page += rows
    if options.page:
        options.page.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
