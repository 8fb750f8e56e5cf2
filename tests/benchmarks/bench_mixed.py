"""What it costs to run a layer of one technology inside a model of another.

    python tests/benchmarks/bench_mixed.py [--repeats 15]

Each mixed module runs beside the same layer in its host and the same layer in its own framework,
interleaved in one process, after values and gradients have been compared. A forward is one call
without gradients; a training step is value and gradients by all parameters and x. Times are of the
clock, on the CPU. Keras takes part when its back end is JAX (KERAS_BACKEND=jax).
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import torch
from mlx.utils import tree_flatten
from reports import machine

import ncps
from ncps import mixed
from ncps.testing import TOLERANCES
from ncps.wirings import AutoNCP

Run = Callable[[], Any]
BATCH, FEATURES = 32, 16


def torch_runs(module: Any, x: Any) -> tuple[Run, Run]:
    """Forward and training step of a torch module."""
    x = torch.tensor(x, requires_grad=True)
    wanted = [*module.parameters(), x]

    def forward() -> Any:
        with torch.no_grad():
            return [module(x)[0].numpy()]

    def train() -> Any:
        loss = module(x)[0].square().mean()
        gradients = torch.autograd.grad(loss, wanted)
        return [loss.detach().numpy(), gradients[-1].numpy()]

    return forward, train


def mlx_runs(module: Any, x: Any) -> tuple[Run, Run]:
    """Forward and training step of an MLX module."""
    x, before = mx.array(x), module.trainable_parameters()

    def forward() -> Any:
        return [np.array(module(x)[0])]

    def loss(parameters: Any, x: Any) -> Any:
        module.update(parameters)
        return mx.square(module(x)[0]).mean()

    step = mx.value_and_grad(loss, argnums=(0, 1))

    def train() -> Any:
        value, gradients = step(before, x)
        mx.eval(value, [a for _, a in tree_flatten(list(gradients))])
        return [np.array(value), np.array(gradients[1])]

    return forward, train


RUNS = {"torch": torch_runs, "mlx": mlx_runs}


def gate(runs: dict[str, Run]) -> None:
    """Stop unless all runs give the same arrays."""
    first, *rest = (run() for run in runs.values())
    for other in rest:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_allclose(b, a, **TOLERANCES["float32"].gradients)


def interleaved(runs: dict[str, Run], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each run, in turns, after two rounds of warm-up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for i in range(repeats + 2):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            if i >= 2:
                times[name].append(1e3 * (time.perf_counter() - begin))
    return times


def rows(host: str, guest: str, length: int, repeats: int) -> None:
    """Print the rows of one pair: the host's own layer, the guest's at home, and mixed."""
    layer = ncps.create("CfC", framework=guest, input_size=FEATURES, units=AutoNCP(64, 8), seed=0)
    x = np.random.default_rng(0).standard_normal((BATCH, length, FEATURES)).astype(np.float32)
    modules = {"host": (host, ncps.convert(layer, framework=host))}
    if guest in RUNS:
        modules["guest"] = guest, layer
    modules["mixed"] = host, mixed.wrap(layer, host)
    made = {name: RUNS[where](module, x) for name, (where, module) in modules.items()}
    for kind, which in (("forward", 0), ("train", 1)):
        runs = {name: pair[which] for name, pair in made.items()}
        gate(runs)
        times = interleaved(runs, repeats)
        middle = {name: statistics.median(values) for name, values in times.items()}
        cells = [cell(times[name]) if name in times else "-" for name in ("host", "guest", "mixed")]
        cells.append(f"{middle['mixed'] / middle['host']:.2f}")
        cells.append(f"{middle['mixed'] / middle['guest']:.2f}" if "guest" in middle else "-")
        print(f"| {host} | {guest} | {length} | {kind} | {' | '.join(cells)} |", flush=True)


def cell(values: list[float]) -> str:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.1f} ({low:.1f}-{high:.1f})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    print(
        f"{machine('torch', 'mlx')} MLX on {mx.default_device()}; CfC({FEATURES}, AutoNCP(64, 8)), "
        f"B = {BATCH}, float32, {repeats} repeats; ms, median (quartiles).\n"
    )
    print("| host | guest | T | what | in the host | at home | mixed | mixed/host | mixed/home |")
    print("|---|---|---|---|---|---|---|---|---|")
    pairs = [("torch", "mlx"), ("mlx", "torch")]
    if os.environ.get("KERAS_BACKEND") == "jax" and importlib.util.find_spec("jax"):
        pairs += [("torch", "keras"), ("mlx", "keras")]
    for host, guest in pairs:
        for length in (16, 64):
            rows(host, guest, length, repeats)


if __name__ == "__main__":
    main()
