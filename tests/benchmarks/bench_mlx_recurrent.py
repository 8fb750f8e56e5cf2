"""Our recurrent layers on MLX beside a plain loop over the same parameters, and MLX's own LSTM.

    python tests/benchmarks/bench_mlx_recurrent.py [--repeats 15]

Each pair runs interleaved in one process, after its outputs and gradients have been compared. A
forward is one call; a training step is value and gradient by all parameters; both are evaluated.
On a CPU the time is that of the process, on a GPU that of the clock.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten
from reports import machine

from ncps import specs
from ncps.testing import TOLERANCES
from ncps.training import Batch
from ncps.wirings import AutoNCP
from ncps_mlx import layers
from ncps_mlx.layers import stock
from ncps_mlx.training import Trainer

Run = Callable[[], Any]
BATCH, FEATURES = 32, 16
clock = time.process_time if mx.default_device() == mx.Device(mx.cpu, 0) else time.perf_counter


def plain_cfc(layer: layers.CfC, x: mx.array, dt: mx.array | None) -> mx.array:
    """The equation step by step: slices of x, four heads apart, masks at every step."""
    states = [mx.zeros((x.shape[0], block.units)) for block in layer.blocks]
    history = []
    for t in range(x.shape[1]):
        signal = x[:, t]
        span = 1.0 if dt is None else dt[:, t, None]
        for i, block in enumerate(layer.blocks):
            z = mx.concatenate([signal, states[i]], axis=-1)
            *backbone, (weight, bias) = block.affines()
            for w, b in backbone:
                z = 1.7159 * mx.tanh(0.666 * (z @ w.T + b))
            heads = zip(mx.split(weight, 4), mx.split(bias, 4), strict=True)
            f, g, a, b = (z @ w.T + c for w, c in heads)
            s = mx.sigmoid(a * span + b)
            signal = states[i] = mx.tanh(f) * (1 - s) + s * mx.tanh(g)
        history.append(mx.concatenate(states, axis=-1))
    return mx.stack(history, axis=1)


def ours(layer: layers.CfC, x: mx.array, dt: mx.array | None) -> mx.array:
    """All states of the layer, as the plain loop gives them."""
    return layer._run(x, (mx.zeros((x.shape[0], layer.spec.state_size)),), dt)[0]


def pairs(length: int) -> dict[str, tuple[Any, dict[str, Callable[[Any, mx.array], mx.array]]]]:
    """Name → layer, and the ways to run it; the first is the baseline."""
    rng = np.random.default_rng(0)
    dt = mx.array(rng.uniform(0.5, 2, (BATCH, length)).astype(np.float32))
    wiring = AutoNCP(64, 8, seed=1)
    found: dict[str, Any] = {}
    for name, options in (
        ("CfC(16, 64)", {"units": 64}),
        ("CfC(16, AutoNCP(64, 8))", {"units": wiring}),
    ):
        for label, span in (("no Δt", None), ("Δt per step", dt)):
            layer = layers.CfC(specs.CfC(input_size=FEATURES, **options), seed=0)
            found[f"{name}, {label}"] = (
                layer,
                {
                    "plain loop": lambda m, x, s=span: plain_cfc(m, x, s),
                    "ncps": lambda m, x, s=span: ours(m, x, s),
                },
            )
    spec = specs.LSTM(input_size=FEATURES, units=64)
    mine, theirs = layers.LSTM(spec, seed=0), stock.LSTM(spec, seed=0)

    def own(m: Any, x: mx.array) -> mx.array:
        mine.gates.update(m.parameters()["lstm"])
        return mine(x)[0]

    found["LSTM(16, 64)"] = theirs, {"mlx.nn.LSTM": lambda m, x: m(x)[0], "ncps": own}
    return found


def training(layer: Any, run: Callable[[Any, mx.array], mx.array], x: mx.array) -> Run:
    """A training step's value and gradients."""
    native = layer.parameters()

    def loss(parameters: Any) -> mx.array:
        layer.update(parameters)
        return mx.mean(mx.square(run(layer, x)))

    step = mx.value_and_grad(loss)
    return lambda: step(native)


def gate(runs: dict[str, Run]) -> None:
    """Stop unless all runs give the same value and gradients."""
    first, *rest = ([np.array(a) for _, a in tree_flatten([run()])] for run in runs.values())
    bound = TOLERANCES["float32"].gradients
    for other in rest:
        for a, b in zip(first, other, strict=True):
            np.testing.assert_allclose(b, a, **bound)


def interleaved(runs: dict[str, Run], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each run, in turns, after two rounds of warm-up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for i in range(repeats + 2):
        for name, run in runs.items():
            begin = clock()
            mx.eval(run())
            if i >= 2:
                times[name].append(1e3 * (clock() - begin))
    return times


def row(what: str, length: int, kind: str, times: dict[str, list[float]]) -> str:
    """One line of the table: median (quartiles) of the baseline and of ours, and their ratio."""
    cells, medians = [], []
    for values in times.values():
        low, middle, high = statistics.quantiles(values, n=4)
        medians.append(middle)
        cells.append(f"{middle:.1f} ({low:.1f}-{high:.1f})")
    base = next(iter(times))
    cells = [what, str(length), kind, base, *cells, f"{medians[0] / medians[1]:.2f}"]
    return f"| {' | '.join(cells)} |"


def trainer_steps(length: int) -> dict[str, Run]:
    """One step of the Trainer, plain and compiled."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(np.float32)

    spans = rng.uniform(0.5, 2, (64, length)).astype(np.float32)
    batch = Batch(normal(64, length, 2), spans, spans > 0.8, normal(64, 3), normal(64, 1))
    made = {}
    for name in ("plain", "compiled"):
        spec = specs.CfC(
            input_size=2, units=AutoNCP(32, 8, seed=1), return_sequences=False, return_state=False
        )
        head = specs.Dense(input_size=8 + 3, units=1)
        model = {"recurrent": layers.CfC(spec, seed=0), "head": layers.Dense(head, seed=0)}
        made[name] = Trainer(model, weight_decay=1e-4, clip_norm=1.0)
    made["plain"]._update = made["plain"]._plain_update
    return {name: lambda t=t: mx.array(t.step(batch, 1e-3)) for name, t in made.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--first-step", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first_step:
        first_step()
        return
    repeats = options.repeats
    print(
        f"{machine('mlx')} On {mx.default_device()}; B = {BATCH}, float32, {repeats} repeats; ms, "
        "median (quartiles).\n"
    )
    print("| layer | T | what | baseline | baseline ms | ncps ms | ratio |")
    print("|---|---|---|---|---|---|---|")
    for length in (32, 128, 512):
        for name, (layer, ways) in pairs(length).items():
            # the plain loops grow with T as ours do; MLX's LSTM with its square
            if length < 512 or name.startswith("LSTM"):
                compare(name, length, layer, ways, repeats)
    for length in (16, 48):
        steps = trainer_steps(length)
        gate(steps)
        what = "Trainer, CfC(2, AutoNCP(32, 8))"
        print(row(what, length, "step", interleaved(steps, repeats)), flush=True)
    print("\nFirst compiled step of the Trainer, no kernel in MLX's cache: " + cold_start())


def compare(what: str, length: int, layer: Any, ways: dict[str, Any], repeats: int) -> None:
    """Print the rows of one pair."""
    x = mx.random.normal((BATCH, length, FEATURES), key=mx.random.key(0))
    steps = {way: training(layer, run, x) for way, run in ways.items()}
    gate(steps)
    calls = {way: partial(run, layer, x) for way, run in ways.items()}
    print(row(what, length, "forward", interleaved(calls, repeats)), flush=True)
    print(row(what, length, "train", interleaved(steps, repeats)), flush=True)


def cold_start() -> str:
    """Seconds of the first compiled step in a new process without MLX's cache of kernels."""
    with tempfile.TemporaryDirectory() as empty:
        command = [sys.executable, __file__, "--first-step"]
        environment = {**os.environ, "TMPDIR": empty}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def first_step() -> None:
    """Print the time of the first two compiled steps."""
    step = trainer_steps(16)["compiled"]
    begin = time.perf_counter()
    step()
    between = time.perf_counter()
    step()
    end = time.perf_counter()
    print(f"{between - begin:.1f} s, the second {1e3 * (end - between):.0f} ms")


if __name__ == "__main__":
    main()
