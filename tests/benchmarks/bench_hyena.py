"""Hyena's operator on torch beside HyenaDNA in plain PyTorch, on a CPU with one thread.

    python tests/benchmarks/bench_hyena.py [--standalone standalone_hyenadna.py] [--page PAGE]

The peer is `hyena_twin.py`, or the public standalone file, whose path is passed. All run
interleaved in one process with the same parameters, after outputs and gradients were compared. A
training step is zero_grad, forward, mean of squares, backward, by the inputs too; inference is a
forward without gradients. "torch alone" is our layer without its compiled functions. The time is
that of the process, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hyena_twin as twin
import numpy as np
import torch
from reports import machine, ratio, spread
from torch import Tensor, nn

import ncps
from ncps.testing import TOLERANCES
from ncps_hyena import native, specs
from ncps_hyena.checkpoints._layout import operator_arrays
from ncps_hyena.torch import HyenaOperator

ROOT = Path(__file__).parents[2]
D = 128
# length, rows, repeats; each length is run with two more steps too, as HyenaDNA's l_max has them
CASES = ((8192, 1, 9), (8192, 4, 5), (65536, 1, 3))
STREAMED = (1024, 8192, 65536)
# HyenaDNA's options, by their names in the public file
OPTIONS = {"emb_dim": 5, "w": 10}


def peers(path: Path | None) -> Callable[[int], nn.Module]:
    """What makes the peer's operator for l_max."""
    if path is None:
        return lambda l_max: twin.operator(d_model=D, l_max=l_max, **OPTIONS)
    found = importlib.util.spec_from_file_location("standalone_hyenadna", path)
    if found is None or found.loader is None:
        raise SystemExit(f"{path} is no Python file")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    # a table of positions that is not trained, as in the published models
    return lambda l_max: module.HyenaOperator(D, l_max, lr_pos_emb=0.0, **OPTIONS)


class Pair:
    """Our operator and the peer's, with the same parameters, and inputs x (B, L, D)."""

    def __init__(self, peer: Callable[[int], nn.Module], length: int, rows: int) -> None:
        torch.manual_seed(0)
        # float64 until all was compared: in float32 the peer's angles have lost their last digits
        torch.set_default_dtype(torch.float64)
        self.theirs = peer(length)
        self.spec = specs.HyenaOperator(input_size=D, l_max=length, emb_dim=5, frequency=10.0)
        self.ours = HyenaOperator(self.spec, seed=0).double()
        ncps.load_parameters(self.ours, self._canonical(self.theirs))
        self.x = torch.randn(rows, length, D, requires_grad=True)
        torch.set_default_dtype(torch.float32)
        self._check()
        self.theirs, self.ours = self.theirs.float(), self.ours.float()
        # keeps its own transforms of the filters
        self.alone = copy.deepcopy(self.ours)
        self.x = self.x.detach().float().requires_grad_()

    def calls(self, run: Callable[..., Any]) -> list[Callable[[], Any]]:
        """The run by the peer, by ours, and by ours without compiled functions."""

        def alone() -> None:
            native.allow(0)
            run(self.alone, self.x)
            native.allow(64)

        return [lambda: run(self.theirs, self.x), lambda: run(self.ours, self.x), alone]

    def _check(self) -> None:
        """Stop unless outputs and all gradients agree."""
        y, outputs = forward(self.ours, self.x), forward(self.theirs, self.x)
        _same(y, outputs)
        _same(inference(self.ours, self.x), outputs)
        found = [self._gradients(layer) for layer in (self.ours, self.theirs)]
        for name in found[1]:
            _same(found[0][name], found[1][name])

    def _gradients(self, layer: Any) -> dict[str, Any]:
        train(layer, self.x)
        other = copy.deepcopy(layer)
        for mine, original in zip(other.parameters(), layer.parameters(), strict=True):
            mine.data = original.grad
        named = ncps.parameters(other) if layer is self.ours else self._canonical(other)
        return {**named, "x": self.x.grad}

    def _canonical(self, theirs: nn.Module) -> dict[str, Any]:
        arrays = {name: tensor.detach().numpy() for name, tensor in theirs.state_dict().items()}
        return operator_arrays(self.spec, arrays)


def _same(ours: Any, theirs: Any, dtype: str = "float64") -> None:
    a, b = (np.asarray(t.detach() if isinstance(t, Tensor) else t) for t in (ours, theirs))
    # all are sums of thousands of terms that cancel in part: what counts is the largest
    scale = np.abs(b).max()
    np.testing.assert_allclose(a / scale, b / scale, **TOLERANCES[dtype].gradients)


def forward(layer: nn.Module, x: Tensor) -> Tensor:
    """A forward that a backward could follow."""
    y: Tensor = layer(x)
    return y


@torch.no_grad()
def inference(layer: nn.Module, x: Tensor) -> Tensor:
    """A forward without gradients; ours keeps the filters' transforms."""
    y: Tensor = layer(x)
    return y


def train(layer: nn.Module, x: Tensor) -> None:
    """All gradients of the mean of squares."""
    layer.zero_grad()
    x.grad = None
    layer(x).square().mean().backward()


RUNS: dict[str, Callable[..., Any]] = {"forward": forward, "inference": inference, "train": train}


def measured(runs: list[Callable[[], Any]], repeats: int) -> list[list[float]]:
    """Milliseconds of each run, in turns, after one round of warm-up."""
    times: list[list[float]] = [[] for _ in runs]
    for i in range(repeats + 1):
        for run, own in zip(runs, times, strict=True):
            start = time.process_time()
            run()
            if i:
                own.append(1e3 * (time.process_time() - start))
    return times


def compared(peer: Callable[[int], nn.Module], length: int, rows: int, repeats: int) -> list[str]:
    """Rows of the table for a length, and for two more."""
    pairs = [Pair(peer, steps, rows) for steps in (length, length + 2)]
    found: list[list[str]] = [[], []]
    for name, run in RUNS.items():
        times = measured([call for pair in pairs for call in pair.calls(run)], repeats)
        for i, pair in enumerate(pairs):
            theirs, ours, alone = times[3 * i : 3 * i + 3]
            cells = [str(pair.spec.l_max), str(rows), name, spread(theirs), spread(ours)]
            cells += [f"{ratio(theirs, ours):.1f}", f"{ratio(ours, times[1]):.2f}" if i else ""]
            found[i].append(_row([*cells, spread(alone), f"{ratio(theirs, alone):.1f}"]))
    return found[0] + found[1]


def streamed(peer: Callable[[int], nn.Module], length: int) -> str:
    """A row: all tokens of a sequence one by one, and the last one by running all again."""
    pair, repeats = Pair(peer, length, 1), 3
    x = pair.x.detach()
    whole = inference(pair.ours, x)
    recomputed = measured(
        [lambda: inference(pair.theirs, x), lambda: inference(pair.ours, x)], repeats
    )
    state, times, outputs = None, [], []
    with torch.no_grad():
        pair.ours.step(x[:, :1])
        for t in range(length):
            start = time.process_time()
            y, state = pair.ours.step(x[:, t : t + 1], state)
            times.append(1e3 * (time.process_time() - start))
            outputs.append(y)
    _same(torch.cat(outputs, dim=1), whole, "float32")
    theirs, ours = (statistics.median(own) for own in recomputed)
    token = statistics.mean(times)
    cells = [f"{token:.3f}", f"{statistics.median(times):.3f}", f"{max(times):.1f}"]
    cells += [f"{theirs:.1f}", f"{ours:.1f}", f"{theirs / token:.0f}", f"{ours / token:.0f}"]
    return _row([str(length), *cells])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def head(path: Path | None) -> list[str]:
    """The page up to its first table."""
    peer = "`tests/benchmarks/hyena_twin.py`, HyenaDNA in plain PyTorch"
    if path is not None:
        peer = f"`{path.name}`, the public standalone file"
    return [
        "# Hyena on torch beside HyenaDNA in plain PyTorch",
        "",
        "Written by `tests/benchmarks/bench_hyena.py`. Milliseconds of process time: median, and "
        "from the least",
        f"to the most. The operator of order 2, {D} features, float32. The peer is {peer}.",
        "Both layers have the same parameters; their outputs and gradients were compared first. "
        "The ratio is the",
        "median of the ratios of neighbouring runs. Inference keeps the transforms of the filters "
        "from call to",
        "call; forward and train write them anew, as the peer always does.",
        "",
        _functions(),
        "",
        machine("torch"),
    ]


def _functions() -> str:
    if not native.available():
        return "No compiled functions are here: ours is torch alone."
    return (
        f"Ours runs compiled functions, on vectors of {native.width()} bytes; torch alone is ours "
        "without them."
    )


TABLES = {
    "Whole sequences": (
        [
            *["L = l_max", "B", "", "peer", "ours", "times faster", "to L - 2"],
            *["torch alone", "times faster"],
        ],
        "To L - 2: our time for two steps more, over our time without them.",
    ),
    "A token at a time": (
        *[["L", "mean", "median", "worst", "peer anew", "ours anew", "faster", "than ours anew"]],
        "Our `step` over all L tokens of a sequence, B = 1: the mean of all, and the worst. Beside "
        "it the last\ntoken by a run over the L steps: the peer's, and ours in inference.",
    ),
}


def main() -> None:
    """Print the tables as they grow, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--standalone", type=Path, help="the public standalone_hyenadna.py")
    parser.add_argument("--longest", type=int, default=65536, help="leave out what is longer")
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    peer = peers(options.standalone)
    page: list[str] = []

    def say(*lines: str) -> None:
        print("\n".join(lines), flush=True)
        page.extend(lines)

    say(*head(options.standalone))
    for title, (columns, remark) in TABLES.items():
        say("", f"## {title}", "", remark, "", _row(columns), f"|{'---|' * len(columns)}")
        if title == "Whole sequences":
            for length, rows, repeats in CASES:
                if length <= options.longest:
                    say(*compared(peer, length, rows, repeats))
        else:
            for length in STREAMED:
                if length <= options.longest:
                    say(streamed(peer, length))
    if options.page:
        options.page.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
