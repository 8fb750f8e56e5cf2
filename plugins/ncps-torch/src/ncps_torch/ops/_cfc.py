"""CfC over a sequence: weights are masked, merged and scaled once per call, never per step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from ncps_torch.kernels import (
    Affine,
    Arguments,
    CfCScan,
    Plan,
    cfc_forward,
    cfc_plain,
    cfc_step,
    lstm_step,
    plan_of,
)
from ncps_torch.ops._memory import Memory, memory_inputs
from ncps_torch.ops._modes import in_transform, wants_gradient

# lecun_tanh is _OUTER tanh(_INNER u)
_INNER, _OUTER = 0.666, 1.7159


@dataclass(frozen=True)
class Cell:
    """One plain CfC cell as tensors (out, in); ff1 and ff2 are masked, dropout is drawn.

    `backbone` are its affine maps; `heads` f (mode pure), or f, g, a, b; `tau` (w_tau, A) in mode
    pure; `drops` (T, B, K), one per backbone layer, or none. With `linear`, f and g have no tanh,
    and time goes by b − a·Δt.
    """

    mode: str
    phi: str
    units: int
    backbone: tuple[Affine, ...]
    heads: tuple[Affine, ...]
    tau: tuple[Tensor, ...] = ()
    drops: tuple[Tensor, ...] = ()
    linear: bool = False

    def arguments(self, x: Tensor, h: Tensor, dt: Tensor | None) -> Arguments:
        """What a kernel takes; the first affine map is cut into x's part and h's."""
        heads, time = self._timed(x, dt)
        affines = [*self.backbone, (_joined(heads, 0), _joined(heads, 1))]
        if self.phi == "lecun_tanh":
            affines = [_scaled(i, affine, len(affines)) for i, affine in enumerate(affines)]
        (first, b), *rest = affines
        W, U = torch.tensor_split(first, [first.shape[1] - self.units], dim=1)
        others = tuple((w.t(), bias) for w, bias in rest)
        return Arguments(x, h, time, W.t(), U.t(), b, others, self.tau, self.drops)

    def _timed(self, x: Tensor, dt: Tensor | None) -> tuple[tuple[Affine, ...], Tensor | None]:
        """The heads, and Δt (T, B, 1) if the steps need one; a Δt of all steps is merged."""
        each = dt is not None and dt.dim() == 2
        if self.mode == "pure":
            one = x.new_ones(()) if dt is None else dt.t()[..., None] if each else dt
            return self.heads, one.expand(*x.shape[:2], 1)
        f, g, a, b = self.heads
        if self.linear:
            a = (-a[0], -a[1])
        if dt is not None and each:
            return (f, g, b, a), dt.t()[..., None]
        merged = [at + bt if dt is None else at * dt + bt for at, bt in zip(a, b, strict=True)]
        return (f, g, (merged[0], merged[1])), None

    def plan(self, a: Arguments) -> Plan:
        """What a kernel does with them; an activation's constants are in the weights."""
        phi = "tanh" if self.phi == "lecun_tanh" else self.phi
        return plan_of(self.mode, phi, a, linear=self.linear)


def _joined(affines: Sequence[Affine], part: int) -> Tensor:
    tensors = [affine[part] for affine in affines]
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors)


def _scaled(i: int, affine: Affine, layers: int) -> Affine:
    """1.7159 tanh(0.666 u) as tanh: its constants go into the maps after and before it."""
    weight, bias = affine
    before = _INNER if i < layers - 1 else 1.0
    after = _OUTER if i > 0 else 1.0
    return weight * (before * after), bias * before


def cfc(cells: Sequence[Cell], x: Tensor, h: Tensor, dt: Tensor | None) -> Tensor:
    """The states (T, B, H) of a stack of cells, each a recurrence of its own; x (T, B, D)."""
    states = []
    for cell, own in zip(cells, _split(cells, h), strict=True):
        x = _scan(cell, x, own, dt)
        states.append(x)
    return x if len(states) == 1 else torch.cat(states, dim=-1)


def _scan(cell: Cell, x: Tensor, h: Tensor, dt: Tensor | None) -> Tensor:
    a = cell.arguments(x, h, dt)
    plan = cell.plan(a)
    # the hand-written scan has tanh on its heads
    if x.shape[0] == 1 or in_transform() or plan.linear:
        return cfc_plain(plan, a)
    flat = a.flat()
    if wants_gradient(flat):
        states: Tensor = CfCScan.apply(plan, *flat)  # type: ignore[no-untyped-call]
        return states
    return cfc_forward(plan, a)


def cfc_with_memory(
    cells: Sequence[Cell],
    memory: Memory,
    x: Tensor,
    states: Sequence[Tensor],
    dt: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The states h, c (T, B, H) of a stack of cells behind an LSTM cell that sees all of h."""
    first, *rest = [cell.arguments(x, states[0], dt) for cell in cells]
    plan = cells[0].plan(first)
    R = memory[1].t()
    steps = [memory_inputs(memory, x), x @ first.W + first.b, *first.drops]
    times = [None] * x.shape[0] if first.dt is None else first.dt.unbind(0)
    h, c = states
    history = []
    for time, (gates, p, *drops) in zip(times, _rows(steps), strict=True):
        h, c = lstm_step(gates, h, c, R)
        own = _split(cells, h)
        new = [cfc_step(plan, first, torch.addmm(p, own[0], first.U), time, drops)]
        for a, state in zip(rest, own[1:], strict=True):
            u = torch.addmm(torch.addmm(a.b, new[-1], a.W), state, a.U)
            new.append(cfc_step(plan, a, u, time, []))
        h = new[0] if len(new) == 1 else torch.cat(new, dim=-1)
        history.append((h, c))
    hs, cs = zip(*history, strict=True)
    return torch.stack(hs), torch.stack(cs)


def cfc_of_memory(
    cells: Sequence[Cell],
    memory: Memory,
    x: Tensor,
    states: Sequence[Tensor],
    dt: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """As `cfc_with_memory`, but the cells read the LSTM's output, not x, and keep their own h."""
    made = [cell.arguments(x, states[0], dt) for cell in cells]
    plan, R = cells[0].plan(made[0]), memory[1].t()
    steps = [memory_inputs(memory, x), *made[0].drops]
    times = [None] * x.shape[0] if made[0].dt is None else made[0].dt.unbind(0)
    h, c = states
    history = []
    for time, (gates, *drops) in zip(times, _rows(steps), strict=True):
        signal, c = lstm_step(gates, h, c, R)
        new = []
        for a, own in zip(made, _split(cells, h), strict=True):
            u = torch.addmm(torch.addmm(a.b, signal, a.W), own, a.U)
            signal = cfc_step(plan, a, u, time, drops)
            new.append(signal)
        h = torch.cat(new, dim=-1)
        history.append((h, c))
    hs, cs = zip(*history, strict=True)
    return torch.stack(hs), torch.stack(cs)


def _split(cells: Sequence[Cell], h: Tensor) -> tuple[Tensor, ...]:
    ends = list(accumulate(cell.units for cell in cells))
    return torch.tensor_split(h, ends[:-1], dim=-1)


def _rows(sequences: Sequence[Tensor]) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(s.unbind(0) for s in sequences), strict=True)
