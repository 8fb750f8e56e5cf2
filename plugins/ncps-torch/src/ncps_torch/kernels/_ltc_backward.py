r"""The backward of `_ltc_scan`, unfold by unfold; its docstring has the equations.

Shapes for a chunk of C unfolds: x, p (C, S, B); J (C, H, B).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ncps_torch.kernels._chunks import accumulator
from ncps_torch.kernels._links import Links
from ncps_torch.kernels._ltc_bulk import Bulk


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
    w, sigma, _, _ = table.unbind(0)
    B, H = d.shape[1:]
    bulk = Bulk(links, unfolds, (table, d, q, dt), vs, later=1, timed=needed[5])
    back, outward = links.outward_weights(w * sigma, c), links.bag("outward")
    by_c = accumulator(c, torch.Size((bulk.length, H, B)))
    outer = dH.transpose(1, 2).contiguous().unbind(0)
    J, reciprocals = bulk.tail, inverses.unbind(0)
    inner = [one.unbind(0) for one in (J, bulk.fans, bulk.x, bulk.rows)]
    dv = torch.zeros_like(outer[0])
    for chunk in bulk.chunks():
        start, slopes = chunk.part.start, chunk.p.unbind(0)
        for k in range(len(slopes) - 1, -1, -1):
            if (start + k + 1) % unfolds == 0:
                dv = dv + outer[(start + k) // unfolds]
            j, fan, product, row = (one[k] for one in inner)
            torch.mul(dv, reciprocals[start + k], out=j)
            torch.index_select(j, 0, links.dst, out=fan)
            torch.mul(fan, slopes[k], out=product)
            dv = outward(row, back)
        risen = chunk.neurons - chunk.sources.narrow(1, 0, H)
        by_c[: len(slopes)].addcmul_(J[: len(slopes)], risen, value=-1)
        bulk.add(chunk, J)
    dtable, dd, dq, ddt = bulk.gradients()
    return [dtable, by_c.sum((0, 2)).to(c.dtype), dd, dq, dv.t(), ddt]
