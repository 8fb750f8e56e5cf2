r"""What all sources give to all neurons, with a backward of its own; the maths is that of `_ltc`.

Backward, with what the neuron at a synapse's end got, :math:`a = \bar d_j,\ b = \bar q_j`:

.. math::
    x = s (1 - s)(E a + b),\quad \bar w = \sum s (E a + b),\quad \bar E = w \sum s a,\quad
    \bar\sigma = w \sum x (v_i - \mu),\quad \bar\mu = -w \sigma \sum x,\quad
    \bar v_i = \sum_j w \sigma x

s is computed again, so that nothing of the synapses' size is kept. Shapes: v (T, B, I); the table
(4, S) has w, σ, μ, E of the synapses in `Links`; inside, a chunk of C steps has the batch last.

Held to the plain twin by `test_ltc_scan.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ncps_torch.kernels._chunks import accumulator, chunk_length
from ncps_torch.kernels._links import Links, pair_weights, with_ones
from ncps_torch.kernels._ltc import Synapses

Pair = tuple[Tensor, Tensor]


class SynapseSums(torch.autograd.Function):
    """Drive d and conductance q (T, B, H) for the sources' potentials."""

    @staticmethod
    def forward(ctx: Any, links: Links, table: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keep the arguments only."""
        ctx.links = links
        ctx.save_for_backward(table, v)
        return synapse_sums(links, table, v)

    @staticmethod
    def backward(ctx: Any, dd: Tensor, dq: Tensor) -> Any:
        """Gradients of table and v."""
        table, v = ctx.saved_tensors
        if torch.is_grad_enabled():
            needed = ctx.needs_input_grad[1:]
            return None, *_differentiable(ctx.links, table, v, (dd, dq), needed)
        with torch.autocast(dd.device.type, enabled=False):
            return None, *_backward(ctx.links, table, v, torch.cat([dd, dq], dim=-1))


def synapse_sums(links: Links, table: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Drive d and conductance q (T, B, H), when nobody asks for a gradient."""
    w, sigma, mu, erev = table.unbind(0)
    T, B, length = *v.shape[:2], _length(links, v)
    argument, weights = pair_weights(sigma, -sigma * mu), links.inward_weights(w * erev, w)
    sources, sums = with_ones(v), v.new_empty(T, 2 * links.units, B)
    for start in range(0, T, length):
        rows = sources[start : start + length]
        size = rows.shape[0]
        s = links.bag("starts", size)(rows, argument.repeat(size)).sigmoid_()
        every = links.bag("inward", size)(s, weights.repeat(size))
        sums[start : start + size] = every.view(size, 2 * links.units, B)
    d, q = sums.transpose(1, 2).chunk(2, dim=-1)
    return d, q


class TableSums:
    """The gradient of a table (4, S), summed over chunks of steps."""

    def __init__(self, table: Tensor, length: int, batch: int) -> None:
        self._sums = accumulator(table, torch.Size((4, length, table.shape[1], batch)))

    def add(self, y: Pair, x: Tensor, centred: Tensor, sa: Pair) -> None:
        """Add a chunk, all (C, S, B); y and s·a are products of two."""
        by_w, by_sigma, by_mu, by_erev = self._sums[:, : x.shape[0]].unbind(0)
        by_w.addcmul_(*y)
        by_sigma.addcmul_(x, centred)
        by_mu.add_(x)
        by_erev.addcmul_(*sa)

    def of(self, table: Tensor) -> Tensor:
        """The gradient: what does not depend on the step is multiplied here."""
        w, sigma, _, _ = table.unbind(0)
        by_w, by_sigma, by_mu, by_erev = self._sums.sum(1).sum(-1).to(table.dtype).unbind(0)
        return torch.stack([by_w, w * by_sigma, -w * sigma * by_mu, w * by_erev])


def _length(links: Links, v: Tensor) -> int:
    return chunk_length(v.shape[0], v.shape[1], 4 * links.count + 2 * links.units)


def _backward(links: Links, table: Tensor, v: Tensor, outer: Tensor) -> tuple[Tensor, Tensor]:
    w, sigma, mu, erev = table.unbind(0)
    (T, B, _), length = v.shape, _length(links, v)
    sources, outer = with_ones(v), outer.transpose(1, 2).contiguous()
    dv = torch.empty_like(sources[:, :-1])
    argument, back = pair_weights(sigma, -sigma * mu), links.outward_weights(w * sigma)
    centred, both = pair_weights(1.0, -mu), pair_weights(erev, 1.0)
    sums = TableSums(table, length, B)
    for start in range(0, T, length):
        rows, given = sources[start : start + length], outer[start : start + length]
        size = rows.shape[0]
        shape = (size, links.count, B)
        s = links.bag("starts", size)(rows, argument.repeat(size)).sigmoid_().view(shape)
        eab = links.bag("both", size)(given, both.repeat(size)).view(shape)
        a = given.index_select(1, links.dst)
        y = s * eab
        x = torch.addcmul(y, y, s, value=-1)
        by_start = links.bag("starts", size)(rows, centred.repeat(size)).view(shape)
        sums.add((s, eab), x, by_start, (s, a))
        given_back = links.bag("outward", size)(x, back.repeat(size))
        dv[start : start + size] = given_back.view(size, dv.shape[1], B)
    return sums.of(table), dv.transpose(1, 2)


def _differentiable(
    links: Links, table: Tensor, v: Tensor, outer: tuple[Tensor, Tensor], needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """The gradients as a graph of their own, for second derivatives."""
    wanted = [t for t, need in zip((table, v), needed, strict=True) if need]
    sums = Synapses(*map(links.spread, table.unbind(0)))(v)
    found = iter(torch.autograd.grad(sums, wanted, outer, create_graph=True, allow_unused=True))
    return [next(found) if need else None for need in needed]
