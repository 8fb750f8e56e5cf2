"""xLSTM on torch beside the PyPI package xlstm 2.0.6, on a CPU with one thread.

    python -m pip install --no-deps --target ORIGINAL xlstm==2.0.6 mlstm_kernels==2.0.6
    python tests/benchmarks/bench_xlstm.py --original ORIGINAL [--repeats 5] [--page PAGE]

Both run interleaved in one process with the same parameters, after outputs and gradients have been
compared, in double precision where the package knows it. A training step is zero_grad, forward,
mean of squares, backward; forward and step are without gradients. The time is that of the process.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import xlstm_pairs
from reports import machine, ratio, spread
from torch_pairs import Pair, forward, train
from xlstm_pairs import FORMS, MLSTM, check, mlstm, ours, peak, slstm, stack, theirs

LONG, BATCH, STEPS, SIZE, TOKENS = (1, 4, 8192, 64), 8, 256, 128, 32
HEAD = "| | xlstm 2.0.6, ms | ours, ms | times faster |"


def measure(run: Callable[..., Any], pair: Pair, x: Any, repeats: int) -> list[list[float]]:
    """Milliseconds of ours and of theirs, in turns, after one run of each."""
    times: list[list[float]] = [[], []]
    for turn in range(repeats + 1):
        for layer, own in zip((pair.ours, pair.theirs), times, strict=True):
            start = time.process_time()
            run(layer, x)
            if turn:
                own.append(1e3 * (time.process_time() - start))
    return times


def row(what: str, run: Callable[..., Any], pair: Pair, x: Any, repeats: int) -> str:
    """A row of the table."""
    one, two = measure(run, pair, x, repeats)
    return f"| {what} | {spread(two)} | {spread(one)} | {ratio(two, one):.1f} |"


@torch.no_grad()
def stepped(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """Token after token; the last output."""
    state = None
    for t in range(x.shape[1]):
        y, state = layer.step(x[:, t], state)
    return y


def of_mlstm(package: SimpleNamespace, repeats: int) -> list[str]:
    """The kernels, beside every form of theirs."""
    rows = []
    sizes = "×".join(map(str, MLSTM))
    for form in FORMS:
        pair = mlstm(package, form)
        # with a backward of its own it takes what it divides by for a constant
        check(pair, None, only="v" if form.endswith("custbw") else None)
        for module in (pair.ours, pair.theirs):
            module.float()
        rows.append(row(f"mLSTM, {form}, train, {sizes}", train, pair, None, repeats))
    return rows


def of_layers(package: SimpleNamespace, repeats: int) -> list[str]:
    """An sLSTM, and a stack of four blocks of which the second is an sLSTM's."""
    x = torch.randn(BATCH, STEPS, SIZE, generator=torch.Generator().manual_seed(0))
    rows = []
    pairs = {"sLSTM": slstm(package, SIZE), "block stack": stack(package, STEPS, SIZE)}
    for name, pair in pairs.items():
        check(pair, x[:2].double())
        if name == "block stack":
            check_steps(pair, x[:1, :5].double())
        for module in (pair.ours, pair.theirs):
            module.float()
        for what, run in (("train", train), ("forward", forward)):
            sizes = f"{BATCH}×{STEPS}×{SIZE}"
            rows.append(row(f"{name}, {what}, {sizes}", run, pair, x, repeats))
    rows.append(row(f"block stack, {TOKENS} steps", stepped, pair, x[:1, :TOKENS], repeats))
    return rows


def check_steps(pair: Pair, x: torch.Tensor) -> None:
    """The correctness gate of steps: one pass of ours, and theirs."""
    whole = forward(pair.ours, x)[:, -1]
    for layer in (pair.ours, pair.theirs):
        torch.testing.assert_close(
            stepped(layer, x), whole, **xlstm_pairs.TOLERANCES["float32"].values
        )


def of_memory(package: SimpleNamespace) -> list[str]:
    """The most that a training step holds at S = 8192; theirs from shapes alone."""
    run = theirs(package, "parallel_stabilized_simple")
    small = (1, 2, 96, 16)
    counted, real = (peak(run, small, device) for device in ("meta", "cpu"))
    assert counted == real, (counted, real)
    other, own = peak(run, LONG, "meta"), peak(ours, LONG, "cpu")
    sizes = "×".join(map(str, LONG))
    return [f"| mLSTM, train, {sizes} | {other:.0f} | {own:.0f} | {other / own:.0f} |"]


def head() -> list[str]:
    """The page up to its first table."""
    return [
        "# xLSTM on torch beside the package xlstm",
        "",
        "Written by `tests/benchmarks/bench_xlstm.py`. Milliseconds of process time: median, and "
        "from the least",
        "to the most. The last column is the median of the ratios of neighbouring runs. Both "
        "have the same",
        "parameters; outputs and gradients were compared first. Rows of an mLSTM alone name the "
        "form that the",
        "package computes it in; ours is the chunkwise one. Those called custbw take what h is "
        "divided by for a",
        "constant in the backward pass, which saves them work: of their gradients only that of v "
        "was compared.",
        "",
        machine("torch") + " Beside it: xlstm 2.0.6.",
    ]


def main() -> None:
    """Print the tables as they grow, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--original", default=os.environ.get("ORIGINAL_XLSTM"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        package = xlstm_pairs.load(options.original)
    except ImportError as error:
        parser.error(f"needs the package xlstm ({error}): see the top of this file")
    page: list[str] = []

    def tell(lines: list[str]) -> None:
        print("\n".join(lines), flush=True)
        page.extend(lines)

    tell(head())
    for table in (of_mlstm, of_layers):
        tell(["", HEAD, "|---|---|---|---|"])
        tell(table(package, options.repeats))
    tell(
        [
            "",
            "| the most at a time | xlstm 2.0.6, MB | ours, MB | times less |",
            "|---|---|---|---|",
        ]
    )
    tell(of_memory(package))
    if options.page:
        options.page.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
