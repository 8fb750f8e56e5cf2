r"""The backward of `_cfc_scan`; its docstring has the equations.

Shapes for a chunk of C steps: δ_i (C, B, ·) as u_i; z_i (C, B, K), what W_i multiplies.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ncps_torch.kernels._activations import folds
from ncps_torch.kernels._cfc import Arguments, Plan
from ncps_torch.kernels._chunks import accumulator, add_product, chunk_length
from ncps_torch.kernels._fold import activation_of
from ncps_torch.kernels._updates import Update, update_of


class Sums:
    """The gradients that are sums over all steps."""

    def __init__(self, a: Arguments) -> None:
        self.W, self.U, self.b = (accumulator(t, t.shape) for t in (a.W, a.U, a.b))
        self.rest = [tuple(accumulator(t, t.shape) for t in affine) for affine in a.rest]
        self.tau = [accumulator(t, t.shape) for t in a.tau]

    def add_first(self, x: Tensor, h: Tensor, du: Tensor) -> None:
        """From δ_0 of a chunk."""
        du = du.flatten(0, 1)
        add_product(self.W, x.reshape(du.shape[0], -1), du)
        add_product(self.U, h.flatten(0, 1), du)
        self.b.add_(du.sum(0))

    def add_rest(self, i: int, z: Tensor, du: Tensor) -> None:
        """From δ_{i+1} of a chunk."""
        W, b = self.rest[i]
        du = du.flatten(0, 1)
        add_product(W, z.flatten(0, 1), du)
        b.add_(du.sum(0))

    def in_order(self) -> list[Tensor]:
        """As they stand in the flat row: W, U, b, the rest, then tau."""
        return [self.W, self.U, self.b, *(t for affine in self.rest for t in affine), *self.tau]


def backward(
    plan: Plan, a: Arguments, states: Tensor, stages: Sequence[Tensor], dH: Tensor
) -> list[Tensor | None]:
    """The gradients of the flat row of arguments; those of dropout factors are None."""
    T, B, D = a.x.shape
    update = update_of(plan.mode, plan.timed, folds(a.x.dtype))
    width = D + a.h.shape[1] + 2 * sum(u.shape[2] for u in stages)
    length = chunk_length(T, B, width)
    dx, sums = a.x.new_empty(a.x.shape), Sums(a)
    ddt = None if a.dt is None else torch.zeros(a.dt.shape, dtype=a.x.dtype, device=a.x.device)
    buffers = [u.new_empty(length, *u.shape[1:]) for u in stages]
    dh = dH[T - 1]
    for start in range((T - 1) // length * length, -1, -length):
        part = slice(start, min(start + length, T))
        u = [stage[part] for stage in stages]
        du = [buffer[: u[0].shape[0]] for buffer in buffers]
        dt = None if a.dt is None else a.dt[part]
        drops = [d[part] for d in a.drops]
        zs = _slopes(plan, update, u, dt, a.tau, drops, du)
        before = dH[start - 1] if start else None
        dh, every = _steps(a, update.heads, du, dH[part], dh, before)
        _, by_tau = finished = update.finish(u[-1], du[-1], every, dt, a.tau)
        if ddt is not None and finished.dt is not None:
            ddt[part] = finished.dt
        for total, gradient in zip(sums.tau, by_tau, strict=True):
            total.add_(gradient)
        for i, z in enumerate(zs):
            sums.add_rest(i, z, du[i + 1])
        sums.add_first(a.x[part], states[part], du[0])
        torch.mm(du[0].flatten(0, 1), a.W.t(), out=dx[part].view(-1, D))
    shared = [g.to(a.x.dtype) for g in sums.in_order()]
    return [dx, dh, ddt, *shared, *(None for _ in a.drops)]


def _slopes(
    plan: Plan,
    update: Update,
    u: Sequence[Tensor],
    dt: Tensor | None,
    tau: tuple[Tensor, ...],
    drops: Sequence[Tensor],
    out: Sequence[Tensor],
) -> list[Tensor]:
    """S_i and D into `out`; the z_i."""
    phi = activation_of(plan, u[0].dtype)
    zs = []
    for i, kept in enumerate(u[:-1]):
        phi.slope(kept, out[i])
        z = phi.again(kept)
        if drops:
            out[i].mul_(drops[i])
            z = z * drops[i]
        zs.append(z)
    update.slopes(u[-1], dt, tau, out[-1])
    return zs


def _steps(
    a: Arguments,
    heads: int,
    du: Sequence[Tensor],
    dH: Tensor,
    dh: Tensor,
    before: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Turn slopes into δ, last step first; ∂L/∂h before the chunk, and at each of its steps."""
    backs = [W.t() for W, _ in a.rest]
    UT = a.U.t()
    deltas = [d.unbind(0) for d in du]
    fans = du[-1].view(*du[-1].shape[:2], heads, -1).unbind(0)
    outer = dH.unbind(0)
    every = [dh] * len(outer)
    for t in range(len(outer) - 1, -1, -1):
        every[t] = dh
        fans[t].mul_(dh.unsqueeze(1))
        delta = deltas[-1][t]
        for i in range(len(backs) - 1, -1, -1):
            delta = deltas[i][t].mul_(torch.mm(delta, backs[i]))
        given = outer[t - 1] if t else before
        dh = torch.mm(delta, UT) if given is None else torch.addmm(given, delta, UT)
    return dh, torch.stack(every) if a.tau else dh
