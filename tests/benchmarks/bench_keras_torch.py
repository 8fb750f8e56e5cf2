"""What ncps-torch's kernels save a Keras layer on torch: with them and without, in one process."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

import ncps
from ncps import registry
from ncps.conversion.tolerances import TOLERANCES
from ncps_keras.ops import _lent

BATCH, FEATURES, UNITS, STEPS = 32, 16, 64, 128


def once(layer: Any, x: torch.Tensor) -> float:
    """Milliseconds of one forward and backward pass."""
    start = time.perf_counter()
    y, _ = layer(x)
    y.sum().backward()
    layer.zero_grad()
    return 1000 * (time.perf_counter() - start)


def loop(action: Callable[[], float], kernels: dict[str, Any]) -> float:
    """The action with these kernels lent."""
    lent, _lent._lent = _lent._lent, lambda: kernels
    try:
        return action()
    finally:
        _lent._lent = lent


def main() -> None:
    """Print the median and the spread of both ways, interleaved."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    kernels = registry.kernels("torch")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    print(f"{platform.machine()}, one thread, torch {torch.__version__}, commit {commit}")
    print(f"train step, B {BATCH}, T {STEPS}, {FEATURES} features, {UNITS} units; ms")
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(BATCH, STEPS, FEATURES))).float()
    for name in ("CfC", "LSTM"):
        layer = ncps.create(name, framework="keras", input_size=FEATURES, units=UNITS, seed=0)
        stock = keras.layers.LSTM(UNITS, return_sequences=True, return_state=True)
        ways: dict[str, dict[str, Any]] = {"kernels": kernels, "loop": {}}
        outputs = [_outputs(layer, x, lent) for lent in ways.values()]
        np.testing.assert_allclose(*outputs, **TOLERANCES["float32"].values)
        times: dict[str, list[float]] = {way: [] for way in (*ways, "keras.layers.LSTM")}
        for _ in range(rounds + 1):
            for way, lent in ways.items():
                times[way].append(loop(lambda layer=layer: once(layer, x), lent))
            if name == "LSTM":
                times["keras.layers.LSTM"].append(once(_Pair(stock), x))
        for way, found in times.items():
            if found:
                low, high = min(found[1:]), max(found[1:])
                middle = statistics.median(found[1:])
                print(f"{name:5} {way:18} {middle:8.1f}  ({low:.1f} to {high:.1f})")


class _Pair:
    """Keras' own layer, whose call gives y and two states."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def __call__(self, x: Any) -> tuple[Any, Any]:
        y, *states = self._layer(x)
        return y, states

    def zero_grad(self) -> None:
        self._layer.zero_grad()


def _outputs(layer: Any, x: torch.Tensor, kernels: dict[str, Any]) -> Any:
    found: list[Any] = []

    def run() -> float:
        found.append(layer(x)[0].detach().numpy())
        return 0.0

    loop(run, kernels)
    return found[0]


if __name__ == "__main__":
    main()
