"""CfC over a sequence: what does not depend on the state is computed before the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mlx.core as mx

from ncps_mlx.kernels import Activation, gated, heads, lstm_step, pure
from ncps_mlx.ops._lstm import project
from ncps_mlx.ops._scan import Arrays, scan

Affine = tuple[mx.array, mx.array]


@dataclass(frozen=True)
class Block:
    """One plain CfC cell as arrays: masks are applied, dropout is drawn.

    `affines` are (weight (out, in), bias) of the backbone and then of the fused heads; the first
    one reads [x, h]. `tau` is (w_tau, A) in mode pure. `drops` are (B, T, K), one per backbone
    layer, or none.
    """

    mode: str
    phi: Activation
    affines: tuple[Affine, ...]
    tau: tuple[mx.array, ...]
    units: int
    drops: tuple[mx.array, ...] = ()

    def project(self, x: mx.array) -> mx.array:
        """x's part of the first affine map."""
        weight, bias = self.affines[0]
        return project(x, weight[:, : x.shape[-1]], bias)

    def weights(self) -> list[mx.array]:
        """What a step needs beside x's part: U, W_1, b_1, …, then tau."""
        (first, _), *rest = self.affines
        return [first[:, -self.units :].T, *(a for w, b in rest for a in (w.T, b)), *self.tau]

    def step(
        self, weights: Arrays, p: mx.array, dt: Arrays, drops: Arrays, h: mx.array
    ) -> mx.array:
        """The new h (B, H); `dt` is one (B, 1) array or none."""
        u = heads(self.phi, weights[: len(weights) - len(self.tau)], p, h, drops)
        if self.mode == "pure":
            return pure(u, dt[0], *weights[-2:])
        return gated(u, dt[0] if dt else None, interpolate=self.mode == "default")

    def with_one_time(self, dt: mx.array | None) -> Block:
        """The same cell for one Δt at all steps: its time heads a·Δt + b become one head."""
        weight, bias = self.affines[-1]
        merged = (_merge_time(weight, dt), _merge_time(bias, dt))
        return replace(self, affines=(*self.affines[:-1], merged))


def cfc(blocks: Sequence[Block], x: mx.array, h: mx.array, dt: mx.array | None) -> mx.array:
    """The states (B, T, H) of a stack of cells, each a recurrence of its own."""
    blocks, times = _timed(blocks, x, dt)
    states = []
    for block, own in zip(blocks, _split(blocks, h), strict=True):

        def step(weights: Arrays, xs: Arrays, states: Arrays, block: Block = block) -> Arrays:
            n = 1 + len(times)
            return [block.step(weights, xs[0], xs[1:n], xs[n:], states[0])]

        (x,) = scan(step, block.weights(), [block.project(x), *times, *block.drops], [own])
        states.append(x)
    return states[0] if len(states) == 1 else mx.concatenate(states, axis=-1)


def cfc_with_memory(
    blocks: Sequence[Block],
    memory: tuple[mx.array, mx.array, mx.array],
    x: mx.array,
    states: tuple[mx.array, ...],
    dt: mx.array | None,
) -> list[mx.array]:
    """The states h, c (B, T, H) of a stack of cells behind an LSTM cell that sees all of h."""
    blocks, times = _timed(blocks, x, dt)
    first, *rest = blocks
    Wx, Wh, bias = memory
    weights = [[Wh.T], first.weights()]
    weights += [[b.affines[0][0][:, : -b.units].T, b.affines[0][1], *b.weights()] for b in rest]
    ends = [sum(map(len, weights[: i + 1])) for i in range(len(weights))]

    def step(flat: Arrays, xs: Arrays, states: Arrays) -> Arrays:
        (R,), *parts = (flat[e - len(w) : e] for e, w in zip(ends, weights, strict=True))
        n = 2 + len(times)
        # the forget gate starts open: ncps 1.0.1 adds 1 to its bias
        h, c = lstm_step(R, xs[0], *states, forget_offset=1.0)
        own = _split(blocks, h)
        new = [first.step(parts[0], xs[1], xs[2:n], xs[n:], own[0])]
        for block, w, h in zip(rest, parts[1:], own[1:], strict=True):
            new.append(block.step(w[2:], mx.addmm(w[1], new[-1], w[0]), xs[2:n], [], h))
        return [mx.concatenate(new, axis=-1), c]

    xs = [project(x, Wx, bias), first.project(x), *times, *first.drops]
    return scan(step, [a for w in weights for a in w], xs, states)


def _timed(
    blocks: Sequence[Block], x: mx.array, dt: mx.array | None
) -> tuple[Sequence[Block], list[mx.array]]:
    """The cells, and Δt (B, T, 1) if their steps need one."""
    if dt is not None and dt.ndim == 2:
        return blocks, [dt[..., None]]
    if blocks[0].mode != "pure":
        return [block.with_one_time(dt) for block in blocks], []
    one = mx.ones((), x.dtype) if dt is None else dt
    return blocks, [mx.broadcast_to(one, (*x.shape[:2], 1))]


def _merge_time(heads: mx.array, dt: mx.array | None) -> mx.array:
    """(4H, …) → (3H, …)."""
    f, g, a, b = mx.split(heads, 4)
    return mx.concatenate([f, g, a + b if dt is None else a * dt + b])


def _split(blocks: Sequence[Block], h: mx.array) -> list[mx.array]:
    sizes = [block.units for block in blocks]
    return mx.split(h, [sum(sizes[:i]) for i in range(1, len(sizes))], axis=-1)
