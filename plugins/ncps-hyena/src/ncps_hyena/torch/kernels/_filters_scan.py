r"""The filters of a small network with a backward of their own; maths and shapes: `_filters`.

A chunk of lags goes through the whole network while its arrays are in the cache, and once more in
the backward: kept are the arguments alone, where autograd would keep 2 (num_inner + 1) arrays
(L, F). The decay of lag j = j₀ + i is that of j₀ times that of i: one exponential a chunk instead
of one a lag.

Backward, with η = ∂/∂h, e = e^{-jτ|δ|} and p_j the arguments of the sines:

.. math::
    \partial/\partial (W a) = \eta \odot (e + c),\quad
    \partial/\partial \delta = -\operatorname{sign} \delta
    \textstyle\sum_j j \tau\, e_j \odot W a_j \odot \eta_j,\quad
    \partial/\partial p^i = \partial/\partial a^i \odot \cos p^i

Second derivatives, and torch's transforms, go through the plain twin. Held to it, outputs and
gradients, by `test_torch_filters.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ncps_hyena.torch.kernels._filters import filters_plain

# numbers in one array of a chunk: 256 kB in float32
CHUNK = 1 << 16


class FiltersScan(torch.autograd.Function):
    """h (M, L)."""

    @staticmethod
    def forward(ctx: Any, shift: float, tau: float, *flat: Any) -> Tensor:
        """Keep the arguments."""
        ctx.numbers = (shift, tau)
        ctx.save_for_backward(*flat)
        return filters_forward(shift, tau, *flat)

    @staticmethod
    def backward(ctx: Any, eta: Tensor) -> Any:
        """Gradients of all tensors."""
        flat = ctx.saved_tensors
        if torch.is_grad_enabled():
            return (None, None, *_differentiable(ctx, flat, eta))
        with torch.autocast(eta.device.type, enabled=False):
            shift, tau = ctx.numbers
            return (None, None, *_backward(shift, tau, flat, eta, ctx.needs_input_grad[2:]))


def filters_forward(
    shift: float,
    tau: float,
    z: Tensor,
    delta: Tensor | None,
    W: Tensor,
    *maps: Tensor,
) -> Tensor:
    """h (M, L), when nobody asks for a gradient."""
    h = z.new_empty(W.shape[0], z.shape[0])
    for chunk, decay in _chunks(tau, z, delta, W.shape[1]):
        own = torch.mm(W, _arguments(z[chunk], maps)[-1].sin_().t())
        if decay is not None:
            own.mul_(decay.add_(shift))
        h[:, chunk] = own
    return h


def _chunks(
    tau: float, z: Tensor, delta: Tensor | None, width: int
) -> Iterator[tuple[slice, Tensor | None]]:
    """Chunks of lags, each with its e^{-jτ|δ|} (M, chunk)."""
    lags = z.shape[0]
    length = max(64, CHUNK // width)
    rate = None if delta is None else -tau * delta.abs()[:, None]
    if rate is not None:
        first = torch.arange(min(length, lags), dtype=z.dtype, device=z.device)
        inner = torch.exp(rate * first)
    for start in range(0, lags, length):
        chunk = slice(start, min(start + length, lags))
        if rate is None:
            yield chunk, None
        else:
            yield chunk, inner[:, : chunk.stop - start] * torch.exp(rate * start)


def _arguments(z: Tensor, maps: tuple[Tensor, ...]) -> list[Tensor]:
    """z and the arguments of all sines."""
    found, a = [z], z
    for i in range(0, len(maps), 2):
        a = torch.sin(found[-1]) if i else z
        found.append(torch.addmm(maps[i + 1], a, maps[i].t()))
    return found


def _backward(
    shift: float, tau: float, flat: tuple[Any, ...], eta: Tensor, needed: tuple[bool, ...]
) -> list[Tensor | None]:
    z, delta, W, *maps = flat
    dz = torch.empty_like(z) if needed[0] else None
    dW, *sums = (torch.zeros_like(t) for t in (W, *maps))
    ddelta = None if delta is None else torch.zeros_like(delta)
    for chunk, decay in _chunks(tau, z, delta, W.shape[1]):
        p = _arguments(z[chunk], tuple(maps))
        # z enters the first map as it is
        a = [p[0], *(torch.sin(q) for q in p[1:])]
        d = eta[:, chunk]
        if decay is not None:
            if ddelta is not None and needed[1]:
                t = tau * torch.arange(chunk.start, chunk.stop, dtype=z.dtype, device=z.device)
                ddelta += (torch.mm(W, a[-1].t()) * d * decay) @ t
            d = d * decay.add_(shift)
        dW.addmm_(d, a[-1])
        d = torch.mm(d.t(), W)
        for i in reversed(range(len(maps) // 2)):
            d.mul_(p[i + 1].cos_())
            sums[2 * i].addmm_(d.t(), a[i])
            sums[2 * i + 1].add_(d.sum(0))
            if i or dz is not None:
                d = torch.mm(d, maps[2 * i])
        if dz is not None:
            dz[chunk] = d
    if ddelta is not None:
        ddelta = -ddelta * delta.sign() if needed[1] else None
    return [dz, ddelta, dW, *sums]


def _differentiable(ctx: Any, flat: tuple[Any, ...], eta: Tensor) -> list[Tensor | None]:
    """The gradients as a graph of their own, for second derivatives."""
    needed = ctx.needs_input_grad[2:]
    wanted = [t for t, need in zip(flat, needed, strict=True) if need]
    options = {"create_graph": True, "allow_unused": True}
    found = iter(torch.autograd.grad(filters_plain(*ctx.numbers, *flat), wanted, eta, **options))
    return [next(found) if need else None for need in needed]
