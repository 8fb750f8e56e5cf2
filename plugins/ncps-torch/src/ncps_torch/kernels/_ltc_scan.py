r"""An LTC over a sequence with a backward of its own; the maths is that of `_ltc`.

Forward keeps v and 1/(c + Δt q) of every unfold and nothing of the synapses' size. Backward has p
of `_ltc_bulk`, with v' after the unfold, so that with :math:`J = \bar v' / (c + \Delta t q)` four
operations are left for an unfold:

.. math::
    x = J_j\,p,\quad \bar v_i = c_i J_i + \sum_j w \sigma x

and :math:`\bar c = -J (v' - v)`.

Shapes: d and q that are given (T, B, H), v (B, H), c (H) not 0, Δt (T, B, 1), (T, 1, 1) or none
for 1; inside, time first and the batch last, an unfold being a row.

Held to the plain twin by `test_ltc_scan.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ncps_torch.kernels._links import Links, pair_weights
from ncps_torch.kernels._ltc import Synapses, ltc_plain
from ncps_torch.kernels._ltc_backward import backward


class LTCScan(torch.autograd.Function):
    """The v (T, B, H) after every step."""

    @staticmethod
    def forward(ctx: Any, links: Links, unfolds: int, *flat: Tensor | None) -> Tensor:
        """Keep v and the reciprocals."""
        states, vs, inverses = run(links, unfolds, *flat, keep=True)
        ctx.links, ctx.unfolds = links, unfolds
        ctx.save_for_backward(*flat, vs, inverses)
        return states

    @staticmethod
    def backward(ctx: Any, dH: Tensor) -> Any:
        """Gradients of all tensors."""
        *flat, vs, inverses = ctx.saved_tensors
        needed = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            return None, None, *_differentiable(ctx.links, ctx.unfolds, flat, dH, needed)
        with torch.autocast(dH.device.type, enabled=False):
            return None, None, *backward(ctx.links, ctx.unfolds, flat, (vs, inverses), dH, needed)


def ltc_forward(links: Links, unfolds: int, *flat: Tensor | None) -> Tensor:
    """The v (T, B, H), when nobody asks for a gradient."""
    return run(links, unfolds, *flat, keep=False)[0]


def run(links: Links, unfolds: int, *flat: Any, keep: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The v after every step (T, B, H); if kept, all v and the reciprocals of all unfolds."""
    table, c, d, q, v, dt = flat
    w, sigma, mu, erev = table.unbind(0)
    (T, B, H), S = d.shape, links.count
    starts, argument = links.bag("starts"), pair_weights(sigma, -sigma * mu)
    inward, weights = links.bag("inward"), links.inward_weights(w * erev, w)
    given = torch.cat([d, q], dim=-1).transpose(1, 2).unbind(0)
    times = None if dt is None else dt.transpose(1, 2).unbind(0)
    c = c[:, None].expand(H, B).contiguous()
    unfoldings = T * unfolds if keep else unfolds
    vs = d.new_ones(unfoldings + 1, H + 1, B)
    inverses = d.new_empty(unfoldings, H, B)
    rows, potentials, reciprocals = vs.unbind(0), vs[:, :H].unbind(0), inverses.unbind(0)
    states = d.new_empty(T, H, B)
    activated = d.new_empty(S + 2 * H, B)
    s, tail = activated[:S], activated[S:]
    potentials[0].copy_(v.t())
    for t in range(T):
        tail.copy_(given[t])
        first = t * unfolds if keep else 0
        for u in range(first, first + unfolds):
            torch.sigmoid(starts(rows[u], argument), out=s)
            sums = inward(activated, weights)
            if times is not None:
                sums.mul_(times[t])
            drive, conductance = sums[:H], sums[H:]
            inverse = torch.add(c, conductance, out=reciprocals[u]).reciprocal_()
            v = potentials[u]
            torch.addcmul(
                v, drive.addcmul_(conductance, v, value=-1), inverse, out=potentials[u + 1]
            )
        states[t] = potentials[first + unfolds]
        if not keep:
            potentials[0].copy_(states[t])
    return states.transpose(1, 2), vs, inverses


def _differentiable(
    links: Links, unfolds: int, flat: list[Any], dH: Tensor, needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """The gradients as a graph of their own, for second derivatives."""
    table, c, d, q, v, dt = flat
    wanted = [t for t, need in zip(flat, needed, strict=True) if need]
    synapses = Synapses(*map(links.spread, table.unbind(0)))
    time = d.new_ones(()) if dt is None else dt
    states = ltc_plain(synapses, unfolds, (d, q), v, c, time)
    found = iter(torch.autograd.grad(states, wanted, dH, create_graph=True, allow_unused=True))
    return [next(found) if need else None for need in needed]
