r"""The filters of a small network with a backward of their own; maths and shapes: `_filters`.

A chunk of lags goes through the whole network while its arrays are in the cache, and once more in
the backward. Kept are the sines while they are `cheap`: N = num_inner + 1 arrays (L, F), where
autograd would keep 2 N. Their arguments, whose cosines the backward needs, are made again from the
sines before them, which is faster than another sine. The decay of lag j = j₀ + i is that of j₀
times that of i: one exponential a chunk instead of one a lag.

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

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ncps_hyena.torch.kernels._filters import Numbers, filters_plain
from ncps_hyena.torch.kernels._memory import cheap

# numbers in one array of a chunk: 256 kB in float32
CHUNK = 1 << 16


class FiltersScan(torch.autograd.Function):
    """h (M, L)."""

    @staticmethod
    def forward(ctx: Any, numbers: Numbers, *flat: Any) -> Tensor:
        """Keep the sines."""
        z, W = flat[0], flat[2]
        ctx.numbers = numbers
        sines = cheap(z, len(flat[3:]) // 2, z.shape[0], W.shape[1])
        ctx.save_for_backward(*flat, sines)
        return filters_forward(numbers, *flat, sines=sines)

    @staticmethod
    def backward(ctx: Any, eta: Tensor) -> Any:
        """Gradients of all tensors."""
        *flat, sines = ctx.saved_tensors
        if torch.is_grad_enabled():
            return (None, *_differentiable(ctx, flat, eta))
        with torch.autocast(eta.device.type, enabled=False):
            needed = ctx.needs_input_grad[1:]
            return (None, *_backward(ctx.numbers, flat, sines, eta, needed))


def filters_forward(
    numbers: Numbers,
    z: Tensor,
    delta: Tensor | None,
    W: Tensor,
    *maps: Tensor,
    sines: Tensor | None = None,
) -> Tensor:
    """h (M, L), with the sines written into memory (N, L, F) for who wants a gradient."""
    h = _memory(numbers, z, W.shape[0], z.shape[0])
    for chunk, decay in _chunks(numbers, z, delta, W.shape[1]):
        memory = None if sines is None else sines[:, chunk]
        a = _sines(z[chunk], maps, memory)[-1]
        own = torch.mm(a, W.t()).t() if numbers.features_last else torch.mm(W, a.t())
        if decay is None:
            h[:, chunk] = own
        else:
            torch.mul(own, decay.add_(numbers.shift), out=h[:, chunk])
    return h


def _memory(numbers: Numbers, like: Tensor, filters: int, lags: int) -> Tensor:
    """Memory (M, L) in the layout of h."""
    if numbers.features_last:
        return like.new_empty(lags, filters).t()
    return like.new_empty(filters, lags)


def _chunks(
    numbers: Numbers, z: Tensor, delta: Tensor | None, width: int
) -> Iterator[tuple[slice, Tensor | None]]:
    """Chunks of lags, each with its e^{-jτ|δ|} (M, chunk), in memory that the next one uses."""
    lags = z.shape[0]
    length = min(max(64, CHUNK // width), lags)
    if delta is not None:
        rate = -numbers.tau * delta.abs()[:, None]
        first = torch.arange(length, dtype=z.dtype, device=z.device)
        inner, memory = (_memory(numbers, z, len(delta), length) for _ in range(2))
        torch.exp(torch.mul(rate, first, out=inner), out=inner)
    for start in range(0, lags, length):
        chunk = slice(start, min(start + length, lags))
        size = chunk.stop - start
        if delta is None:
            yield chunk, None
        else:
            yield chunk, torch.mul(inner[:, :size], torch.exp(rate * start), out=memory[:, :size])


def _sines(z: Tensor, maps: Sequence[Tensor], memory: Tensor | None = None) -> list[Tensor]:
    """All a^i (chunk, F) for the z of a chunk, in memory (N, chunk, F) if there is some."""
    found, a = [], z
    for i in range(0, len(maps), 2):
        p = torch.addmm(maps[i + 1], a, maps[i].t())
        a = p.sin_() if memory is None else torch.sin(p, out=memory[i // 2])
        found.append(a)
    return found


def _backward(
    numbers: Numbers,
    flat: Sequence[Any],
    sines: Tensor | None,
    eta: Tensor,
    needed: tuple[bool, ...],
) -> list[Tensor | None]:
    z, delta, W, *maps = flat
    dz = torch.empty_like(z) if needed[0] else None
    dW, *sums = (torch.zeros_like(t) for t in (W, *maps))
    ddelta = None if delta is None else torch.zeros_like(delta)
    for chunk, decay in _chunks(numbers, z, delta, W.shape[1]):
        # z enters the first map as it is
        a = [z[chunk], *(_sines(z[chunk], maps) if sines is None else sines[:, chunk])]
        d = eta[:, chunk]
        if decay is not None:
            if ddelta is not None and needed[1]:
                j = torch.arange(chunk.start, chunk.stop, dtype=z.dtype, device=z.device)
                ddelta += (torch.mm(W, a[-1].t()) * d * decay) @ (numbers.tau * j)
            d = torch.mul(d, decay.add_(numbers.shift), out=decay)
        dW.addmm_(d, a[-1])
        d = torch.mm(d.t(), W)
        for i in reversed(range(len(maps) // 2)):
            Wi, bi = maps[2 * i : 2 * i + 2]
            d.mul_(torch.addmm(bi, a[i], Wi.t()).cos_())
            # this way round: a product of five columns takes five times as long as one of five rows
            sums[2 * i].add_(torch.mm(a[i].t(), d).t())
            sums[2 * i + 1].add_(d.sum(0))
            if i or dz is not None:
                d = torch.mm(d, Wi)
        if dz is not None:
            dz[chunk] = d
    if ddelta is not None:
        ddelta = -ddelta * delta.sign() if needed[1] else None
    return [dz, ddelta, dW, *sums]


def _differentiable(ctx: Any, flat: Sequence[Any], eta: Tensor) -> list[Tensor | None]:
    """The gradients as a graph of their own, for second derivatives."""
    needed = ctx.needs_input_grad[1:]
    wanted = [t for t, need in zip(flat, needed, strict=True) if need]
    options = {"create_graph": True, "allow_unused": True}
    found = iter(torch.autograd.grad(filters_plain(ctx.numbers, *flat), wanted, eta, **options))
    return [next(found) if need else None for need in needed]
