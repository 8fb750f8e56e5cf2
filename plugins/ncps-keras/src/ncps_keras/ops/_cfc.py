"""CfC over a sequence: what does not depend on the state is computed before the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ncps_keras.backends import xp
from ncps_keras.kernels import Arrays, CfCMemoryStep, CfCOfMemoryStep, CfCStep, Result, scan
from ncps_keras.ops._gated import Weights, each_step, real
from ncps_keras.ops._lent import lent
from ncps_keras.ops._times import Times

Affine = tuple[Any, Any]


@dataclass(frozen=True)
class Block:
    """One plain CfC cell as tensors: masks are applied, dropout is drawn.

    `affines` are (kernel (in, out), bias) of the backbone and then of the fused heads; the first
    one reads [x, h]. `tau` is (w_tau, A) in mode pure. `drops` are (B, T, K), one per backbone
    layer, or none. With `linear`, f and g have no tanh, and time goes by b − a·Δt.
    """

    mode: str
    phi: str
    affines: tuple[Affine, ...]
    tau: tuple[Any, ...]
    units: int
    drops: tuple[Any, ...] = ()
    linear: bool = False

    def with_one_time(self, dt: Any) -> Block:
        """The same cell for one Δt at all steps: its time heads become one head a·Δt + b."""
        merged = tuple(_merge_time(part, dt) for part in self.affines[-1])
        return replace(self, affines=(*self.affines[:-1], merged))


class Cell:
    """A block made ready for a loop."""

    def __init__(self, block: Block, timed: bool, one: Any) -> None:
        (kernel, self.bias), *rest = block.affines
        self.W, U = kernel[: -block.units], kernel[-block.units :]
        self.units, self.drops = block.units, block.drops
        tau = (*block.tau, one) if block.mode == "pure" else ()
        self.weights = (U, tuple(rest), tau)
        self.step = CfCStep(block.mode, block.phi, timed, bool(block.drops), block.linear)

    def project(self, x: Any) -> Any:
        """x's part of the first affine map."""
        return xp.affine(x, self.W, self.bias)


def cfc(blocks: Sequence[Block], x: Any, states: Arrays, times: Times) -> Result:
    """The state h of a stack of cells, each a recurrence of its own."""
    found = lent("cfc", [vars(block) for block in blocks], x, states, times)
    if found is not None:
        return found
    cells, each = _timed(blocks, x, times)
    histories, last = [], []
    for cell, own in zip(cells, _split(cells, states[0]), strict=True):
        xs = [cell.project(x), *each, *cell.drops]
        (x,), (end,) = scan(cell.step, cell.weights, xs, [own], real(times))
        histories.append(x)
        last.append(end)
    if len(cells) == 1:
        return histories, last
    return [xp.concat(histories)], [xp.concat(last)]


def cfc_with_memory(
    blocks: Sequence[Block], memory: Weights, x: Any, states: Arrays, times: Times
) -> Result:
    """The states h and c of a stack of cells behind an LSTM cell that sees all of h."""
    cells, each = _timed(blocks, x, times)
    step = CfCMemoryStep(tuple(c.step for c in cells), tuple(c.units for c in cells))
    weights = (memory[1], tuple((c.weights, (c.W, c.bias)) for c in cells))
    xs = [memory_inputs(memory, x), cells[0].project(x), *each, *cells[0].drops]
    return scan(step, weights, xs, states, real(times))


def cfc_of_memory(
    blocks: Sequence[Block], memory: Weights, x: Any, states: Arrays, times: Times
) -> Result:
    """As `cfc_with_memory`, but the cells read the LSTM's output, not x, and keep their own h."""
    cells, each = _timed(blocks, x, times)
    step = CfCOfMemoryStep(tuple(c.step for c in cells), tuple(c.units for c in cells))
    weights = (memory[1], tuple((c.weights, (c.W, c.bias)) for c in cells))
    xs = [memory_inputs(memory, x), *each, *cells[0].drops]
    return scan(step, weights, xs, states, real(times))


def memory_inputs(memory: Weights, x: Any) -> Any:
    """What x (B, T, D) gives to the memory's gates (B, T, 4·H)."""
    W, _, b = memory
    i, f, g, o = xp.split(b, 4)
    # the forget gate starts open: ncps 1.0.1 adds 1 to its bias
    return xp.affine(x, W, xp.concat([i, f + 1.0, g, o]))


def _timed(blocks: Sequence[Block], x: Any, times: Times) -> tuple[list[Cell], list[Any]]:
    """The cells, and Δt (B or 1, T, 1) if their steps need one."""
    each, one = each_step(times, x)
    if blocks[0].linear:
        each, one = [-dt for dt in each], None if one is None else -one
    if not each and blocks[0].mode != "pure":
        blocks = [block.with_one_time(one) for block in blocks]
    return [Cell(block, bool(each), one) for block in blocks], each


def _merge_time(heads: Any, dt: Any) -> Any:
    """(…, 4H) → (…, 3H)."""
    f, g, a, b = xp.split(heads, 4)
    return xp.concat([f, g, a * dt + b])


def _split(cells: Sequence[Cell], h: Any) -> Sequence[Any]:
    parts: Sequence[Any] = xp.parts(h, [cell.units for cell in cells])
    return parts
