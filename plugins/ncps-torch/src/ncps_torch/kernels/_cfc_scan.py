r"""A CfC over a sequence with a backward of its own; the maths and the shapes are those of `_cfc`.

Forward: x's projection is one GEMM for a chunk of steps, into which each step adds h U in place.
tanh is computed as `_fold` says.
Backward: with D = ∂h'/∂u_n and S_i = d_i φ'(u_i) computed in bulk for a chunk, a step is

.. math::
    \delta_n = D \odot \bar h,\quad \delta_i = S_i \odot (\delta_{i+1} W_i^\top),\quad
    \bar h_{t-1} \mathrel{+}= \delta_0 U^\top

and every weight's gradient is one GEMM for a chunk. A chunk is as many steps as stay in a core's
cache. Second derivatives, and torch's transforms, go through the plain twin.

Held to the plain twin, outputs and gradients, by `test_cfc_scan.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ncps_torch.kernels._activations import folds
from ncps_torch.kernels._cfc import Arguments, Plan, cfc_plain, unflatten
from ncps_torch.kernels._cfc_backward import backward
from ncps_torch.kernels._chunks import chunk_length
from ncps_torch.kernels._fold import activation_of, fold, state_factor
from ncps_torch.kernels._updates import update_of


class CfCScan(torch.autograd.Function):
    """The states (T, B, H) after every step."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, *flat: Tensor | None) -> Tensor:
        """Keep what the slopes need."""
        states, stages = run(plan, unflatten(plan, flat), keep=True)
        ctx.plan, ctx.given = plan, len(flat)
        ctx.save_for_backward(*flat, states, *stages)
        return states[1:]

    @staticmethod
    def backward(ctx: Any, dH: Tensor) -> Any:
        """Gradients of all tensors."""
        saved = ctx.saved_tensors
        flat, (states, *stages) = saved[: ctx.given], saved[ctx.given :]
        if torch.is_grad_enabled():
            return None, *_differentiable(ctx.plan, flat, dH, ctx.needs_input_grad[1:])
        with torch.autocast(dH.device.type, enabled=False):
            a = unflatten(ctx.plan, flat)
            return None, *backward(ctx.plan, a, states, stages, dH, ctx.needs_input_grad[1:])


def cfc_forward(plan: Plan, a: Arguments) -> Tensor:
    """The states (T, B, H), when nobody asks for a gradient."""
    return run(plan, a, keep=False)[0][1:]


def run(plan: Plan, a: Arguments, keep: bool) -> tuple[Tensor, list[Tensor]]:
    """States (T + 1, B, H) with h first, and u_0, … as the slopes need them (if kept)."""
    T, B, D = a.x.shape
    update = update_of(plan.mode, plan.timed, folds(a.x.dtype))
    phi = activation_of(plan, a.x.dtype).run_
    widths = [a.U.shape[1], *(W.shape[1] for W, _ in a.rest)]
    length = chunk_length(T, B, D + a.h.shape[1] + sum(widths))
    stages = [a.x.new_empty(T if keep else length, B, width) for width in widths]
    states = a.x.new_empty(T + 1, B, a.h.shape[1])
    states[0] = a.h
    factor = state_factor(plan, a.x.dtype)
    h = a.h / factor
    a = fold(plan, a)
    # a GEMM takes a third longer where a matrix has its columns in a row
    U, *Ws = (W.contiguous() for W in (a.U, *(W for W, _ in a.rest)))
    for start in range(0, T, length):
        stop = min(start + length, T)
        part = slice(start, stop) if keep else slice(0, stop - start)
        own = [stage[part] for stage in stages]
        x = a.x[start:stop].reshape(-1, D)
        torch.addmm(a.b, x, a.W, out=own[0].view(-1, widths[0]))
        for u, (_, b) in zip(own[1:], a.rest, strict=True):
            u.copy_(b)
        if keep or not start:  # without `keep` every chunk is in the same place
            rows = update.rows(own[-1])
            affine = [*(u.unbind(0) for u in own[:-1]), [u for u, *_ in rows]]
        times = None if a.dt is None else a.dt[start:stop].unbind(0)
        drops = [d[start:stop].unbind(0) for d in a.drops]
        news = states[start + 1 : stop + 1].unbind(0)
        for t, new in enumerate(news):
            u = affine[0][t].addmm_(h, U)
            for i, W in enumerate(Ws):
                z = phi(u)
                if drops:
                    z = z * drops[i][t]
                u = affine[i + 1][t].addmm_(z, W)
            h = new
            update.step(rows[t], h, times and times[t], a.tau)
        if factor != 1:
            h = h.clone()
            states[start + 1 : stop + 1].mul_(factor)
    return states, stages


def _differentiable(
    plan: Plan, flat: tuple[Tensor | None, ...], dH: Tensor, needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """The gradients as a graph of their own, for second derivatives."""
    wanted = [t for t, need in zip(flat, needed, strict=True) if need and t is not None]
    states = cfc_plain(plan, unflatten(plan, flat))
    found = iter(torch.autograd.grad(states, wanted, dH, create_graph=True, allow_unused=True))
    return [next(found) if need else None for need in needed]
