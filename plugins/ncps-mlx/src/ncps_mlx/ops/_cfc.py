"""CfC over a sequence: what does not depend on the state is computed before the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mlx.core as mx

from ncps_mlx.kernels import Activation, Arrays, gated, heads, lstm_step, pure, scan
from ncps_mlx.ops._lstm import project

Affine = tuple[mx.array, mx.array]


@dataclass(frozen=True)
class Block:
    """One plain CfC cell as arrays: masks are applied, dropout is drawn.

    `affines` are (weight (out, in), bias) of the backbone and then of the fused heads; the first
    one reads [x, h]. `tau` is (w_tau, A) in mode pure. `drops` are (B, T, K), one per backbone
    layer, or none. With `linear`, f and g have no tanh, and time goes by b − a·Δt.
    """

    mode: str
    phi: Activation
    affines: tuple[Affine, ...]
    tau: tuple[mx.array, ...]
    units: int
    drops: tuple[mx.array, ...] = ()
    linear: bool = False

    def with_one_time(self, dt: mx.array | None) -> Block:
        """The same cell for one Δt at all steps: its time heads become one head a·Δt + b."""
        weight, bias = self.affines[-1]
        merged = (_merge_time(weight, dt), _merge_time(bias, dt))
        return replace(self, affines=(*self.affines[:-1], merged))


class Cell:
    """A block made ready for a loop: every slice and transpose of its weights is taken once."""

    def __init__(self, block: Block) -> None:
        (weight, self.bias), *rest = block.affines
        self.W = weight[:, : -block.units].T
        self.U = weight[:, -block.units :].T
        self.rest = [(w.T, b) for w, b in rest]
        self.block = block

    def project(self, x: mx.array) -> mx.array:
        """x's part of the first affine map."""
        return mx.addmm(self.bias, x, self.W)

    def step(self, p: mx.array, h: mx.array, dt: Arrays, drops: Arrays) -> mx.array:
        """The new h (B, H), from x's part p and the old h; `dt` is one (B, 1) array or none."""
        block = self.block
        u = heads(block.phi, self.rest, drops, mx.addmm(p, h, self.U))
        if block.mode == "pure":
            return pure(u, dt[0], *block.tau)
        time = dt[0] if dt else None
        return gated(u, time, interpolate=block.mode == "default", linear=block.linear)


def cfc(blocks: Sequence[Block], x: mx.array, h: mx.array, dt: mx.array | None) -> mx.array:
    """The states (B, T, H) of a stack of cells, each a recurrence of its own."""
    cells, times = _timed(blocks, x, dt)
    states = []
    for cell, own in zip(cells, _split(blocks, h), strict=True):
        x = _recurrence(cell, x, own, times)
        states.append(x)
    return x if len(states) == 1 else mx.concatenate(states, axis=-1)


def _recurrence(cell: Cell, x: mx.array, h: mx.array, times: Arrays) -> mx.array:
    n = 1 + len(times)

    def step(at_t: Arrays, states: Arrays) -> Arrays:
        return [cell.step(at_t[0], states[0], at_t[1:n], at_t[n:])]

    return scan(step, [cell.project(x), *times, *cell.block.drops], [h])[0]


def cfc_with_memory(
    blocks: Sequence[Block],
    memory: tuple[mx.array, mx.array, mx.array],
    x: mx.array,
    states: Sequence[mx.array],
    dt: mx.array | None,
) -> list[mx.array]:
    """The states h, c (B, T, H) of a stack of cells behind an LSTM cell that sees all of h."""
    (first, *rest), times = _timed(blocks, x, dt)
    Wx, Wh, bias = memory
    R = Wh.T
    n = 2 + len(times)

    def step(at_t: Arrays, states: Arrays) -> Arrays:
        # the forget gate starts open: ncps 1.0.1 adds 1 to its bias
        h, c = lstm_step(at_t[0], states[0], states[1], R, forget_offset=1.0)
        own = _split(blocks, h)
        new = [first.step(at_t[1], own[0], at_t[2:n], at_t[n:])]
        for cell, h in zip(rest, own[1:], strict=True):
            new.append(cell.step(cell.project(new[-1]), h, at_t[2:n], []))
        return [mx.concatenate(new, axis=-1), c]

    xs = [project(x, Wx, bias), first.project(x), *times, *first.block.drops]
    return scan(step, xs, states)


def cfc_of_memory(
    blocks: Sequence[Block],
    memory: tuple[mx.array, mx.array, mx.array],
    x: mx.array,
    states: Sequence[mx.array],
    dt: mx.array | None,
) -> list[mx.array]:
    """As `cfc_with_memory`, but the cells read the LSTM's output, not x, and keep their own h."""
    cells, times = _timed(blocks, x, dt)
    Wx, Wh, bias = memory
    R = Wh.T
    n = 1 + len(times)

    def step(at_t: Arrays, states: Arrays) -> Arrays:
        h = states[0]
        signal, c = lstm_step(at_t[0], h, states[1], R, forget_offset=1.0)
        new = []
        for cell, own in zip(cells, _split(blocks, h), strict=True):
            signal = cell.step(cell.project(signal), own, at_t[1:n], at_t[n:])
            new.append(signal)
        return [mx.concatenate(new, axis=-1), c]

    return scan(step, [project(x, Wx, bias), *times, *cells[0].block.drops], states)


def _timed(
    blocks: Sequence[Block], x: mx.array, dt: mx.array | None
) -> tuple[list[Cell], list[mx.array]]:
    """The cells, and Δt (B, T, 1) if their steps need one."""
    if blocks[0].linear:
        dt = mx.array(-1.0, x.dtype) if dt is None else -dt
    if dt is not None and dt.ndim == 2:
        return list(map(Cell, blocks)), [dt[..., None]]
    if blocks[0].mode != "pure":
        return [Cell(block.with_one_time(dt)) for block in blocks], []
    one = mx.ones((), x.dtype) if dt is None else dt
    return list(map(Cell, blocks)), [mx.broadcast_to(one, (*x.shape[:2], 1))]


def _merge_time(heads: mx.array, dt: mx.array | None) -> mx.array:
    """(4H, …) → (3H, …)."""
    f, g, a, b = mx.split(heads, 4)
    return mx.concatenate([f, g, a + b if dt is None else a * dt + b])


def _split(blocks: Sequence[Block], h: mx.array) -> list[mx.array]:
    sizes = [block.units for block in blocks]
    return list(mx.split(h, [sum(sizes[:i]) for i in range(1, len(sizes))], axis=-1))
