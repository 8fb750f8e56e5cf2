"""CfC on torch beside ncps 1.0.1, on a CPU with one thread.

    python -m pip install --no-deps --target ORIGINAL ncps==1.0.1
    python tests/benchmarks/bench_torch_cfc.py --original ORIGINAL [--repeats 9] [--page PAGE]

Both run interleaved in one process with the same parameters, after outputs and gradients have been
compared. A training step is zero_grad, forward, mean of squares, backward; forward is without
gradients. The time is that of the process, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ncps import wirings
from ncps.testing import TOLERANCES
from ncps.torch import CfC

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "original"))
import original  # noqa: E402


@dataclass(frozen=True)
class Case:
    """Sizes of one comparison; `outputs` makes the units an AutoNCP."""

    name: str
    features: int
    units: int
    batch: int
    steps: int
    outputs: int | None = None

    def layer(self, make: Callable[..., Any], module: Any) -> Any:
        """A CfC of this size by one of the two packages."""
        wired = self.outputs is not None
        units = module.AutoNCP(self.units, self.outputs) if wired else self.units
        return make(self.features, units)

    def __str__(self) -> str:
        units = f"AutoNCP({self.units}, {self.outputs})" if self.outputs else str(self.units)
        return f"CfC({self.features}, {units}), B{self.batch} T{self.steps}"


CASES = (
    Case("C1", 16, 64, 32, 128),
    Case("W1", 16, 64, 32, 128, outputs=8),
    Case("C2", 32, 128, 64, 512),
    Case("W2", 32, 128, 64, 512, outputs=8),
)


def train(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """One training step without the optimiser; the outputs."""
    layer.zero_grad()
    y: torch.Tensor = layer(x)[0]
    y.square().mean().backward()
    return y.detach()


@torch.no_grad()
def forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """One call without gradients; the outputs."""
    y: torch.Tensor = layer(x)[0]
    return y


def check_same(one: Any, two: Any, x: torch.Tensor) -> None:
    """The correctness gate: outputs, and every gradient in relation to its largest entry."""
    bounds = TOLERANCES["float32"]
    torch.testing.assert_close(train(one, x), train(two, x), **bounds.values)
    others = dict(two.named_parameters())
    for name, parameter in one.named_parameters():
        scale = others[name].grad.abs().max()
        torch.testing.assert_close(
            parameter.grad / scale, others[name].grad / scale, **bounds.gradients
        )


def measure(run: Callable[..., Any], layers: tuple[Any, Any], x: Any, repeats: int) -> list[Any]:
    """Milliseconds of each layer, in turns."""
    times: list[list[float]] = [[], []]
    for _ in range(repeats):
        for layer, own in zip(layers, times, strict=True):
            start = time.process_time()
            run(layer, x)
            own.append(1e3 * (time.process_time() - start))
    return times


def compare(case: Case, theirs: Any, repeats: int) -> list[str]:
    """Rows of the table for one case."""
    torch.manual_seed(0)
    one = case.layer(CfC, wirings)
    two = case.layer(theirs.torch.CfC, theirs.wirings)
    one.load_state_dict(two.state_dict())
    x = torch.randn(case.batch, case.steps, case.features)
    check_same(one, two, x)
    rows = []
    for name, run in (("train", train), ("forward", forward)):
        run(one, x)
        ours, original_ = measure(run, (one, two), x, repeats)
        pairs = [b / a for a, b in zip(ours, original_, strict=True)]
        rows.append(
            f"| {case.name} | {case} | {name} | {_spread(original_)} | {_spread(ours)} "
            f"| {statistics.median(pairs):.1f} |"
        )
    return rows


def _spread(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} ({min(times):.1f} to {max(times):.1f})"


def machine() -> str:
    """Hardware, versions and commit."""
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, one thread, "
        f"{torch.backends.cpu.get_cpu_capability()}; Python {platform.python_version()}, torch "
        f"{torch.__version__}, ncps {version('ncps')} at {commit or 'an unknown commit'}."
    )


def main() -> None:
    """Print the table as it grows, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--original", default=original.PATH, help="folder with ncps 1.0.1")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--cases", default=",".join(case.name for case in CASES))
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    if options.original is None:
        parser.error("pass --original, a folder with ncps 1.0.1: see the top of this file")
    torch.set_num_threads(1)
    theirs = original.load(options.original)
    page = [
        "# CfC on torch beside ncps 1.0.1",
        "",
        "Written by `tests/benchmarks/bench_torch_cfc.py`. Milliseconds of process time: median, "
        "and from the",
        "least to the most. The ratio is the median of the ratios of neighbouring runs. Both "
        "layers have the",
        "same parameters; their outputs and gradients were compared first.",
        "",
        machine(),
        "",
        "| | layer | | ncps 1.0.1 | ours | times faster |",
        "|---|---|---|---|---|---|",
    ]
    print("\n".join(page), flush=True)
    for case in CASES:
        if case.name in options.cases.split(","):
            rows = compare(case, theirs, options.repeats)
            print("\n".join(rows), flush=True)
            page += rows
    if options.page:
        options.page.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
