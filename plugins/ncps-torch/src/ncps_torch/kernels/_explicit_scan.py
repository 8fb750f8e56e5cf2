r"""An LTC over a sequence by an explicit solver, with a backward of its own.

A method of `ncps.ode` with fixed steps, whose stages i = 1 … s each take the one before,

.. math::
    v_i = v + a_i k_{i-1},\quad k_i = \Delta t\,(d(v_i) - q(v_i)\,v_i),\quad
    v' = v + \sum_i b_i k_i

N times for every step. :math:`1 / (c_m N)` is in w, and in the d and q that are given. The sums d
and q are `_ltc`'s; each evaluation of them is a stage.

Forward keeps :math:`v_i` and :math:`\Delta t\,q` of every stage and nothing of the synapses' size.
Backward, from :math:`\bar v'` and with p of `_ltc_bulk`, the last stage first,

.. math::
    J_i = \bar k_i = b_i \bar v' + a_{i+1} \bar v_{i+1},\quad x = J_j\,p,\quad
    \bar v_i = \sum_j w \sigma x - \Delta t\,q\,J_i,\quad \bar v = \bar v' + \sum_i \bar v_i

Shapes: table (4, S) of w, σ, μ, E; d and q that are given (T, B, H), v (B, H), Δt (T, B, 1),
(T, 1, 1) or none for 1; inside, time first and the batch last, a stage being a row.

Held to the plain twin by `test_ltc_scan.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ncps_torch.kernels._links import Links, pair_weights
from ncps_torch.kernels._ltc import Synapses
from ncps_torch.kernels._ltc_bulk import Bulk
from ncps_torch.kernels._solved import Solve, ltc_solved


class Stages(NamedTuple):
    """a of every stage but the first, and b of all."""

    ahead: tuple[float, ...]
    weights: tuple[float, ...]


STAGES: Mapping[str, Stages] = {
    "euler": Stages((), (1.0,)),
    "midpoint": Stages((1 / 2,), (0.0, 1.0)),
    "rk4": Stages((1 / 2, 1 / 2, 1.0), (1 / 6, 1 / 3, 1 / 3, 1 / 6)),
}


class Explicit(NamedTuple):
    """A method, N, and the solver that does the same with plain operations."""

    stages: Stages
    unfolds: int
    solve: Solve


class ExplicitScan(torch.autograd.Function):
    """The v (T, B, H) after every step."""

    @staticmethod
    def forward(ctx: Any, links: Links, method: Explicit, *flat: Tensor | None) -> Tensor:
        """Keep the stages."""
        states, vs, conductances = run(links, method, *flat, keep=True)
        ctx.links, ctx.method = links, method
        ctx.save_for_backward(*flat, vs, conductances)
        return states

    @staticmethod
    def backward(ctx: Any, dH: Tensor) -> Any:
        """Gradients of all tensors."""
        *flat, vs, conductances = ctx.saved_tensors
        needed = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():
            return None, None, *_differentiable(ctx.links, ctx.method, flat, dH, needed)
        kept = vs, conductances
        with torch.autocast(dH.device.type, enabled=False):
            return None, None, *backward(ctx.links, ctx.method, flat, kept, dH, needed[4])


def explicit_forward(links: Links, method: Explicit, *flat: Tensor | None) -> Tensor:
    """The v (T, B, H), when nobody asks for a gradient."""
    return run(links, method, *flat, keep=False)[0]


def run(links: Links, method: Explicit, *flat: Any, keep: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The v after every step (T, B, H); if kept, v and Δt q of all stages."""
    table, d, q, v, dt = flat
    w, sigma, mu, erev = table.unbind(0)
    (T, B, H), S = d.shape, links.count
    (ahead, factors), each = method.stages, method.unfolds * len(method.stages.weights)
    starts, argument = links.bag("starts"), pair_weights(sigma, -sigma * mu)
    inward, weights = links.bag("inward"), links.inward_weights(w * erev, w)
    given = torch.cat([d, q], dim=-1).transpose(1, 2).unbind(0)
    times = None if dt is None else dt.transpose(1, 2).unbind(0)
    stages = T * each if keep else each
    vs = d.new_ones(stages + 1, H + 1, B)
    conductances = d.new_empty(stages if keep else 0, H, B)
    rows, potentials = vs.unbind(0), vs[:, :H].unbind(0)
    states, activated = d.new_empty(T, H, B), d.new_empty(S + 2 * H, B)
    s, tail = activated[:S], activated[S:]
    potentials[0].copy_(v.t())
    for t in range(T):
        tail.copy_(given[t])
        first = t * each if keep else 0
        for start in range(first, first + each, len(factors)):
            y, rise = potentials[start], torch.zeros_like(states[t])
            for i, factor in enumerate(factors):
                k = start + i
                torch.sigmoid(starts(rows[k], argument), out=s)
                sums = inward(activated, weights)
                if times is not None:
                    sums.mul_(times[t])
                drive, conductance = sums[:H], sums[H:]
                if keep:
                    conductances[k] = conductance
                slope = drive.addcmul_(conductance, potentials[k], value=-1)
                rise.add_(slope, alpha=factor)
                if i < len(ahead):
                    torch.add(y, slope, alpha=ahead[i], out=potentials[k + 1])
            torch.add(y, rise, out=potentials[start + len(factors)])
        states[t] = potentials[first + each]
        if not keep:
            potentials[0].copy_(states[t])
    return states.transpose(1, 2), vs, conductances


def backward(
    links: Links,
    method: Explicit,
    flat: list[Any],
    kept: tuple[Tensor, Tensor],
    dH: Tensor,
    timed: bool,
) -> list[Tensor | None]:
    """The gradients of table, d, q, v, Δt."""
    table, d, q, _, dt = flat
    vs, conductances = kept
    w, sigma, _, _ = table.unbind(0)
    (ahead, factors), H = method.stages, d.shape[2]
    each = method.unfolds * len(factors)
    bulk = Bulk(links, each, (table, d, q, dt), vs, later=0, timed=timed)
    back, outward = links.outward_weights(w * sigma, w.new_full((H,), -1)), links.bag("outward")
    outer = dH.transpose(1, 2).contiguous().unbind(0)
    J, stages = conductances.new_empty(bulk.length, *outer[0].shape), conductances.unbind(0)
    inner = [one.unbind(0) for one in (J, bulk.fans, bulk.x, bulk.tail, bulk.rows)]
    # gradients of the v behind the method's step, of the stage ahead, and of v as far as found
    end = dv = total = torch.zeros_like(outer[0])
    for chunk in bulk.chunks():
        start, slopes = chunk.part.start, chunk.p.unbind(0)
        for k in range(len(slopes) - 1, -1, -1):
            if (start + k + 1) % each == 0:
                total = total + outer[(start + k) // each]
            j, fan, product, own, row = (one[k] for one in inner)
            i = (start + k) % len(factors)
            if i == len(ahead):
                end = total
                torch.mul(end, factors[i], out=j)
            else:
                torch.mul(end, factors[i], out=j).add_(dv, alpha=ahead[i])
            torch.index_select(j, 0, links.dst, out=fan)
            torch.mul(fan, slopes[k], out=product)
            torch.mul(j, stages[start + k], out=own)
            dv = outward(row, back)
            total = total + dv
        bulk.add(chunk, J)
    dtable, dd, dq, ddt = bulk.gradients()
    return [dtable, dd, dq, total.t(), ddt]


def _differentiable(
    links: Links, method: Explicit, flat: list[Any], dH: Tensor, needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """The gradients as a graph of their own, for second derivatives."""
    table, d, q, v, dt = flat
    wanted = [t for t, need in zip(flat, needed, strict=True) if need]
    synapses = Synapses(*map(links.spread, table.unbind(0)))
    # it solves over N·Δt in N steps
    time = method.unfolds * (d.new_ones(()) if dt is None else dt)
    states = ltc_solved(method.solve, synapses, (d, q), v, d.new_ones(()), time)
    found = iter(torch.autograd.grad(states, wanted, dH, create_graph=True, allow_unused=True))
    return [next(found) if need else None for need in needed]
