r"""The backward of `_cfc_scan`; its docstring has the equations.

It goes back through the loop as that ran, with the arguments of `_fold`: where tanh is computed
by σ, `dh` is the gradient of h/2. Shapes for a chunk of C steps: δ_i (C, B, ·) as u_i; z_i
(C, B, K), what W_i multiplies; ∂L/∂h' (C, B, H).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ncps_torch.kernels._activations import folds
from ncps_torch.kernels._cfc import Arguments, Plan
from ncps_torch.kernels._chunks import accumulator, add_product, chunk_length
from ncps_torch.kernels._fold import activation_of, fold, state_factor, unfold
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
        add_product(self.W, x.flatten(0, 1), du)
        add_product(self.U, h.flatten(0, 1), du)
        self.b.add_(du.sum(0))

    def add_rest(self, i: int, z: Tensor, du: Tensor) -> None:
        """From δ_{i+1} of a chunk."""
        W, b = self.rest[i]
        du = du.flatten(0, 1)
        add_product(W, z.flatten(0, 1), du)
        b.add_(du.sum(0))

    def of(self, a: Arguments) -> Arguments:
        """In the places of `a`."""
        W, U, b, *tau = (t.to(a.x.dtype) for t in (self.W, self.U, self.b, *self.tau))
        rest = tuple((W.to(a.x.dtype), b.to(a.x.dtype)) for W, b in self.rest)
        return a._replace(W=W, U=U, b=b, rest=rest, tau=tuple(tau))


def backward(
    plan: Plan,
    a: Arguments,
    states: Tensor,
    stages: Sequence[Tensor],
    dH: Tensor,
    needed: tuple[bool, ...],
) -> list[Tensor | None]:
    """The gradients of the flat row of arguments.

    Those of dropout factors, and of an x or Δt that needs none, are None.
    """
    T, B, D = a.x.shape
    update = update_of(plan.mode, plan.timed, folds(a.x.dtype))
    own, factor, sums = fold(plan, a), state_factor(plan, a.x.dtype), Sums(a)
    # δ, as many numbers again, do not count: longer chunks win more than they lose in the cache
    length = chunk_length(T, B, D + a.h.shape[1] + sum(u.shape[2] for u in stages))
    dx = a.x.new_empty(a.x.shape) if needed[0] else None
    ddt = a.x.new_zeros(a.dt.shape) if a.dt is not None and needed[2] else None
    finish = update.finish if ddt is not None or a.tau else None
    dhs, *buffers = (u.new_empty(length, *u.shape[1:]) for u in (states, *stages))
    dh = torch.zeros_like(a.h)
    for start in range((T - 1) // length * length, -1, -length):
        part = slice(start, min(start + length, T))
        u = [stage[part] for stage in stages]
        every, *du = (buffer[: u[0].shape[0]] for buffer in (dhs, *buffers))
        torch.mul(dH[part], factor, out=every)
        every[-1].add_(dh)
        dt = None if a.dt is None else a.dt[part]
        drops = [d[part] for d in a.drops]
        zs = _slopes(plan, update, u, dt, a.tau, drops, du)
        dh = _steps(own, update.heads, du, every)
        if finish is not None:
            by_dt, by_tau = finish(u[-1], du[-1], every, dt, a.tau)
            if ddt is not None:
                ddt[part] = by_dt
            for total, gradient in zip(sums.tau, by_tau, strict=True):
                total.add_(gradient)
        for i, z in enumerate(zs):
            sums.add_rest(i, z, du[i + 1])
        sums.add_first(a.x[part], states[part], du[0])
        if dx is not None:
            torch.mm(du[0].flatten(0, 1), own.W.t(), out=dx[part].view(-1, D))
    shared = unfold(plan, a, sums.of(a))._replace(drops=()).flat()[3:]
    return [dx, dh / factor, ddt, *shared, *(None for _ in a.drops)]


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


def _steps(a: Arguments, heads: int, du: Sequence[Tensor], dh: Tensor) -> Tensor:
    """Turn slopes into δ, last step first; ∂L/∂h before the chunk.

    To ∂L/∂h' of each step comes what it does through the next one.
    """
    *inner, last = (d.unbind(0) for d in du)
    maps = list(zip(inner, (W.t() for W, _ in a.rest), strict=True))[::-1]
    UT = a.U.t()
    fans = du[-1].view(*dh.shape[:2], heads, dh.shape[2]).unbind(0)
    wide, every = dh.unsqueeze(2).unbind(0), dh.unbind(0)
    for t in range(len(every) - 1, -1, -1):
        fans[t].mul_(wide[t])
        delta = last[t]
        for slopes, WT in maps:
            delta = slopes[t].mul_(torch.mm(delta, WT))
        if t:
            every[t - 1].addmm_(delta, UT)
    return torch.mm(delta, UT)
