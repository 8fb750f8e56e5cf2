"""Hyena, mLSTM and sLSTM on MLX beside their equations in plain MLX: no package of them exists.

    python tests/benchmarks/bench_mlx_sequences.py [--page PAGE]

Hyena's peer computes as HyenaDNA's public file does, the mLSTM's is its parallel form with a mask,
the sLSTM's a loop over slices. Where MLX multiplies matrices by a reference BLAS, as its wheel for
Linux does, products are most of a layer's time: Hyena's convolutions are measured without them too.
Each pair runs interleaved in one process, after its outputs and gradients have been compared. A
training step is value and gradient by all parameters, a forward is one in evaluation. On a CPU the
time is that of the process, on a GPU that of the clock.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten, tree_unflatten
from reports import machine, ratio, spread

from ncps_hyena import specs as hyena
from ncps_hyena.mlx import HyenaOperator
from ncps_hyena.mlx.kernels import long_convolution, short_convolution
from ncps_xlstm import specs as xlstm
from ncps_xlstm.mlx import mLSTM, sLSTM

Run = Callable[[Any, mx.array], mx.array]
clock = time.process_time if mx.default_device() == mx.Device(mx.cpu, 0) else time.perf_counter
HEADS, EPSILON = 4, 1e-6


def plain_hyena(layer: Any, x: mx.array) -> mx.array:
    """The filter anew in every call, transforms of twice the length, a depthwise convolution."""
    spec, length, size = layer.spec, x.shape[1], 2 * x.shape[1]
    parts = [layer.gate_0, layer.gate_1, layer.value]
    W, b = (mx.concatenate([p.linear[n] for p in parts]) for n in ("weight", "bias"))
    taps, offset = (
        mx.concatenate([p.short[n] for p in parts], axis=-1) for n in ("weight", "bias")
    )
    z = x @ W.T + b
    short = mx.conv1d(z, taps.T[..., None], padding=2, groups=z.shape[-1])[:, :length] + offset
    gate_0, gate_1, v = mx.split(short.swapaxes(1, 2), 3, axis=1)
    h, skip = filters(layer, spec, length), layer.long_0.skip
    u = v * gate_1
    product = mx.fft.rfft(u, n=size) * mx.fft.rfft(h.T, n=size)
    v = mx.fft.irfft(product, n=size)[..., :length] + u * skip[:, None]
    y: mx.array = layer.output((v * gate_0).swapaxes(1, 2))
    return y


def filters(layer: Any, spec: hyena.HyenaOperator, length: int) -> mx.array:
    """h (L, D)."""
    a = mx.array(spec.positions(length).astype(np.float32))
    for j in range(spec.num_inner + 1):
        a = mx.sin(layer.filter.frequency * getattr(layer.filter, f"hidden_{j}")(a))
    t = mx.arange(length)[:, None] / (spec.l_max - 1)
    delta = mx.array(spec.deltas()[0].astype(np.float32))
    h: mx.array = layer.long_0.kernel(a) * (mx.exp(-t * mx.abs(delta)) + spec.shift)
    return h


class Convolutions(nn.Module):
    """A stream's short convolution, and a long one after it, of 128 features."""

    def __init__(self, length: int) -> None:
        super().__init__()
        keys = mx.random.split(mx.random.key(1), 4)
        self.taps = mx.random.normal((3, 128), key=keys[0])
        self.offset = mx.random.normal((128,), key=keys[1])
        self.h = mx.random.normal((128, length), key=keys[2]) / math.sqrt(length)
        self.skip = mx.random.normal((128,), key=keys[3])

    def __call__(self, x: mx.array) -> mx.array:
        """As our kernels compute it."""
        u, _ = short_convolution(x, self.taps, self.offset)
        return long_convolution(u.swapaxes(1, 2), self.h, self.skip).swapaxes(1, 2)


def plain_convolutions(layer: Convolutions, x: mx.array) -> mx.array:
    """By MLX's depthwise convolution and its transforms."""
    length, size = x.shape[1], 2 * x.shape[1]
    u = mx.conv1d(x, layer.taps.T[..., None], padding=2, groups=x.shape[-1])[:, :length]
    u = (u + layer.offset).swapaxes(1, 2)
    product = mx.fft.rfft(u, n=size) * mx.fft.rfft(layer.h, n=size)
    v = mx.fft.irfft(product, n=size)[..., :length] + u * layer.skip[:, None]
    return v.swapaxes(1, 2)


def plain_mlstm(layer: Any, x: mx.array) -> mx.array:
    """All steps at once: sums of log forget gates as differences, and a mask (B, N, T, T)."""
    B, T, _ = x.shape
    q, k, v = (
        part(x).reshape(B, T, HEADS, -1).swapaxes(1, 2)
        for part in (layer.query, layer.key, layer.value)
    )
    i, f = (part(x).swapaxes(1, 2) for part in (layer.input_gate, layer.forget_gate))
    b = mx.cumsum(-mx.logaddexp(-f, mx.array(0.0)), axis=-1)
    D = b[..., None] - b[..., None, :] + i[..., None, :]
    D = mx.where(mx.tri(T, dtype=mx.bool_), D, mx.array(-mx.inf))
    m = mx.stop_gradient(mx.max(D, axis=-1, keepdims=True))
    A = (q @ k.swapaxes(-1, -2)) / math.sqrt(q.shape[-1]) * mx.exp(D - m)
    scale = mx.maximum(mx.abs(mx.sum(A, axis=-1, keepdims=True)), mx.exp(-m)) + EPSILON
    h = (A @ v / scale).swapaxes(1, 2).reshape(B, T, -1)
    y: mx.array = mx.sigmoid(layer.output_gate(x)) * h
    return y


def plain_slstm(layer: Any, x: mx.array) -> mx.array:
    """Step by step: slices of x, the four gates apart."""
    B, T, _ = x.shape
    parts = [layer.input_gate, layer.forget_gate, layer.cell_gate, layer.output_gate]
    h = c = n = mx.zeros((B, HEADS, 1, parts[0].bias.size // HEADS))
    m, history = mx.array(-mx.inf), []
    for t in range(T):
        i, f, z, o = (
            (x[:, t] @ p.weight.T + p.bias).reshape(h.shape) + h @ p.recurrent_weight for p in parts
        )
        a = m - mx.logaddexp(-f, mx.array(0.0))
        m = mx.stop_gradient(mx.maximum(i, a))
        F, I = mx.exp(a - m), mx.exp(i - m)  # noqa: E741
        c, n = F * c + I * mx.tanh(z), F * n + I
        h = mx.sigmoid(o) * c / n
        history.append(h.reshape(B, -1))
    return mx.stack(history, axis=1)


def ours(layer: Any, x: mx.array) -> mx.array:
    """The layer as it is called."""
    y = layer(x)
    found: mx.array = y[0] if isinstance(y, tuple) else y
    return found


def operator(length: int) -> Any:
    """Hyena's operator as HyenaDNA has it, 128 features."""
    spec = hyena.HyenaOperator(input_size=128, l_max=length, emb_dim=5, frequency=10.0)
    return HyenaOperator(spec, seed=0)


def memory(kind: Any, layer: Any) -> Any:
    """An xLSTM layer of 256 units in four heads."""
    made = layer(kind(input_size=256, units=256, num_heads=HEADS), seed=0)
    # some start from zeros
    named = tree_flatten(made.parameters())
    keys = mx.random.split(mx.random.key(2), len(named))
    noise = zip(named, keys, strict=True)
    made.update(
        tree_unflatten([(n, a + 0.05 * mx.random.normal(a.shape, key=k)) for (n, a), k in noise])
    )
    return made


# name, layer, its equation, shape of x, repeats
CASES: list[tuple[str, Callable[[], Any], Run, tuple[int, int, int], int]] = [
    ("Hyena", partial(operator, 8192), plain_hyena, (1, 8192, 128), 5),
    ("Hyena", partial(operator, 8194), plain_hyena, (1, 8194, 128), 5),
    ("Hyena's convolutions", partial(Convolutions, 8192), plain_convolutions, (1, 8192, 128), 9),
    ("Hyena's convolutions", partial(Convolutions, 8194), plain_convolutions, (1, 8194, 128), 9),
    ("Hyena's convolutions", partial(Convolutions, 65536), plain_convolutions, (1, 65536, 128), 3),
    ("mLSTM", partial(memory, xlstm.mLSTM, mLSTM), plain_mlstm, (8, 256, 256), 5),
    ("mLSTM", partial(memory, xlstm.mLSTM, mLSTM), plain_mlstm, (1, 2048, 256), 5),
    ("sLSTM", partial(memory, xlstm.sLSTM, sLSTM), plain_slstm, (8, 64, 256), 5),
    ("sLSTM", partial(memory, xlstm.sLSTM, sLSTM), plain_slstm, (8, 256, 256), 3),
]


def training(layer: Any, run: Run, x: mx.array) -> Callable[[], Any]:
    """The gradients of the mean of squares, whose own sum in float32 depends on the order."""
    native = layer.parameters()

    def loss(parameters: Any) -> mx.array:
        layer.update(parameters)
        return mx.mean(mx.square(run(layer, x)))

    step = mx.value_and_grad(loss)
    return lambda: step(native)[1]


def check(theirs: Any, mine: Any) -> None:
    """Stop unless both are the same, up to digits that the peer's float32 loses in long sums."""
    pairs = list(zip(tree_flatten([theirs]), tree_flatten([mine]), strict=True))
    largest = max(float(mx.max(mx.abs(a))) for (_, a), _ in pairs)
    for (name, a), (_, b) in pairs:
        # some gradients are 0 but for what rounding leaves: that of the sLSTM's input gate's bias
        scale = max(float(mx.max(mx.abs(a))), 1e-2 * largest)
        error = float(mx.max(mx.abs(a - b))) / scale
        if not error < 1e-3:
            raise SystemExit(f"{name} differs by {error:.1e} of its largest entry")


def row(case: tuple[Any, ...]) -> list[str]:
    """The rows of a case, after both sides have been compared."""
    name, make, plain, shape, repeats = case
    layer = make()
    x = mx.random.normal(shape, key=mx.random.key(0))
    sides = {
        "forward": [partial(run, layer, x) for run in (plain, ours)],
        "train": [training(layer, run, x) for run in (plain, ours)],
    }
    found = []
    for what, calls in sides.items():
        layer.train(what == "train")
        check(*(call() for call in calls))
        times: list[list[float]] = [[], []]
        peaks = [0, 0]
        for i in range(repeats + 1):
            for side, call in enumerate(calls):
                mx.reset_peak_memory()
                held, begin = mx.get_active_memory(), clock()
                mx.eval(call())
                if i:
                    times[side].append(1e3 * (clock() - begin))
                    peaks[side] = mx.get_peak_memory() - held
        cells = [name, "×".join(map(str, shape)), what, *map(spread, times)]
        cells += [f"{ratio(*times):.1f}", f"{peaks[0] / peaks[1]:.1f}"]
        found.append(f"| {' | '.join(cells)} |")
    return found


HEAD = """# Hyena and xLSTM on MLX beside their equations

Written by `tests/benchmarks/bench_mlx_sequences.py`. Milliseconds{of}: median, and
from the least to the most, float32. The peer is the equation in plain MLX over the same parameters:
Hyena as HyenaDNA's public file has it, the mLSTM in parallel form with a mask, the sLSTM as a loop
over slices. Outputs and gradients were compared first. "Times faster" is the median of the ratios
of neighbouring runs; memory is the most at a time.

{machine}

MLX's wheel for Linux multiplies matrices by a reference BLAS: there products are most of the time
of Hyena and the mLSTM, and the same on both sides. Nothing here was run on Metal.

| | x | | plain MLX | ours | times faster | times less memory |
|---|---|---|---|---|---|---|"""


def main() -> None:
    """Print the table as it grows, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    of = " of process time" if clock is time.process_time else ""
    page = [HEAD.format(of=of, machine=machine("mlx"))]
    print(page[0], flush=True)
    for case in CASES:
        page += row(case)
        print("\n".join(page[-2:]), flush=True)
    if options.page:
        options.page.write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
