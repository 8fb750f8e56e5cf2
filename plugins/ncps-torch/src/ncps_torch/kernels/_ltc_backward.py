r"""The backward of `_ltc_scan`; its docstring has the equations.

Shapes for a chunk of C unfolds: x, p, s (C, S, B); J (C, H, B).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ncps_torch.kernels._chunks import accumulator, chunk_length
from ncps_torch.kernels._links import Links, pair_weights
from ncps_torch.kernels._synapse_sums import TableSums


def backward(
    links: Links,
    unfolds: int,
    flat: list[Any],
    kept: tuple[Tensor, Tensor],
    dH: Tensor,
    needed: tuple[bool, ...],
) -> list[Tensor | None]:
    """The gradients of table, c, d, q, v, Δt."""
    table, c, d, q, _, dt = flat
    vs, inverses = kept
    w, sigma, mu, erev = table.unbind(0)
    (T, B, H), S = d.shape, links.count
    steps = torch.arange(T, device=d.device).repeat_interleave(unfolds)
    length = chunk_length(T * unfolds, B, 6 * S + 4 * H)
    argument = pair_weights(sigma, -sigma * mu).repeat(length)
    centring = pair_weights(1.0, -mu).repeat(length)
    reversal = pair_weights(-1.0, erev).repeat(length)
    back = links.outward_weights(w * sigma, c)
    outward = links.bag("outward")
    sums, by_c = TableSums(table, length, B), accumulator(c, torch.Size((length, H, B)))
    given = accumulator(d, torch.Size((T, 2 * H, B)))
    times = None if dt is None else dt.transpose(1, 2)
    by_time = accumulator(d, torch.Size((T, 1, B))) if needed[5] else None
    own = torch.cat([d, q], dim=-1).transpose(1, 2)
    inward = links.inward_weights(w * erev, w)
    outer = dH.transpose(1, 2).contiguous().unbind(0)
    buffers = vs.new_empty(length, S + H, B), vs.new_empty(length, S, B)
    dv = torch.zeros_like(outer[0])
    for start in range((T * unfolds - 1) // length * length, -1, -length):
        part = slice(start, min(start + length, T * unfolds))
        size = part.stop - start
        before, after, step = vs[part], vs[start + 1 : part.stop + 1], steps[part]
        s = links.bag("starts", size)(before, argument[: 2 * S * size]).sigmoid_().view(size, S, B)
        y = links.bag("ends", size)(after, reversal[: 2 * S * size]).view(size, S, B).mul_(s)
        if times is not None:
            y.mul_(times[step])
        p = torch.addcmul(y, y, s, value=-1)
        both, fans = buffers[0][:size], buffers[1][:size]
        x, J = both[:, :S], both[:, S:]
        rows = [one.unbind(0) for one in (inverses[part], J, fans, p, x, both)]
        for k in range(size - 1, -1, -1):
            if (start + k + 1) % unfolds == 0:
                dv = dv + outer[(start + k) // unfolds]
            inverse, j, fan, slope, product, every = (row[k] for row in rows)
            torch.mul(dv, inverse, out=j)
            torch.index_select(j, 0, links.dst, out=fan)
            torch.mul(fan, slope, out=product)
            dv = outward(every, back)
        neurons = after[:, :H]
        by_c[:size].addcmul_(J, neurons - before[:, :H], value=-1)
        if by_time is not None:
            total = torch.cat([s, own[step]], dim=1)
            total = links.bag("inward", size)(total, inward.repeat(size)).view(size, 2 * H, B)
            slope = (J * torch.addcmul(total[:, :H], total[:, H:], neurons, value=-1)).sum(1, True)
            by_time.index_add_(0, step, slope.to(by_time.dtype))
        if times is not None:
            s.mul_(times[step])
            J = J * times[step]
        given.index_add_(0, step, torch.cat([J, -J * neurons], dim=1).to(given.dtype))
        centred = links.bag("starts", size)(before, centring[: 2 * S * size]).view(size, S, B)
        sums.add((y, fans), x, centred, (s, fans))
    dd, dq = given.to(d.dtype).transpose(1, 2).chunk(2, dim=-1)
    dc = by_c.sum((0, 2)).to(c.dtype)
    ddt = None
    if by_time is not None:
        ddt = by_time.to(d.dtype).transpose(1, 2)
        ddt = ddt if dt.shape[1] == B else ddt.sum(1, True)
    return [sums.of(table), dc, dd, dq, dv.t(), ddt]
