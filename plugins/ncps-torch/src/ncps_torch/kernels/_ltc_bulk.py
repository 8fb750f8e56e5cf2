r"""What the backward of a scan over synapses computes in bulk, before and after its loop.

For a chunk of evaluations of the synapses, with :math:`v'_j` the potentials of the neurons where
they end,

.. math::
    y = \Delta t\, s\,(E - v'_j),\quad p = y\,(1 - s)

The loop then finds J, the gradient of :math:`\Delta t\,(d - q v')`, and x = J p. The gradients of
the table are those of `_synapse_sums`, with y = J y, a = J Δt; and
:math:`\bar d = \Delta t J,\ \bar q = -\Delta t J v',\
\overline{\Delta t} = \sum_j J\,(d - q v')`, d and q with the neurons' own.

Shapes: v with a row of ones (T·N + …, H + 1, B) for N evaluations in every step; a chunk of C of
them has s, y, p, x (C, S, B) and J (C, H, B). Table (4, S); d, q (T, B, H); Δt (T, B, 1),
(T, 1, 1) or none for 1.

Held to the plain twins by `test_ltc_scan.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ncps_torch.kernels._chunks import accumulator, chunk_length
from ncps_torch.kernels._links import Links, pair_weights
from ncps_torch.kernels._synapse_sums import TableSums

Flat = tuple[Tensor, Tensor, Tensor, Tensor | None]


class Chunk(NamedTuple):
    """Evaluations in `part`: v with the row of ones, v' without it, and p."""

    part: slice
    sources: Tensor
    neurons: Tensor
    p: Tensor


class Bulk:
    """The gradients by the table, d, q and Δt, summed over chunks.

    v' is the v that many evaluations `later`; `timed` asks for the gradient by Δt. The loop over a
    chunk fills in `fans`, J at the ends of the synapses, and `rows` for "outward", which are `x`
    and a `tail` (C, H, B).
    """

    def __init__(
        self, links: Links, each: int, flat: Flat, vs: Tensor, later: int, timed: bool
    ) -> None:
        table, d, q, dt = flat
        w, sigma, mu, erev = table.unbind(0)
        (T, B, H), S = d.shape, links.count
        self._links, self._flat, self._vs, self._later = links, flat, vs, later
        self._steps = torch.arange(T, device=d.device).repeat_interleave(each)
        self._count = T * each
        self.length = chunk_length(self._count, B, 6 * S + 4 * H)
        self._argument = pair_weights(sigma, -sigma * mu).repeat(self.length)
        self._centring = pair_weights(1.0, -mu).repeat(self.length)
        self._reversal = pair_weights(-1.0, erev).repeat(self.length)
        self._inward = links.inward_weights(w * erev, w)
        self._times = None if dt is None else dt.transpose(1, 2)
        self._own = torch.cat([d, q], dim=-1).transpose(1, 2)
        self._sums = TableSums(table, self.length, B)
        self._given = accumulator(d, torch.Size((T, 2 * H, B)))
        self._by_time = accumulator(d, torch.Size((T, 1, B))) if timed else None
        self.fans, self.rows = (vs.new_empty(self.length, size, B) for size in (S, S + H))
        self.x, self.tail = self.rows[:, :S], self.rows[:, S:]

    def chunks(self) -> Iterator[Chunk]:
        """The chunks, the last one first."""
        last = (self._count - 1) // self.length * self.length
        for start in range(last, -1, -self.length):
            yield self._chunk(slice(start, min(start + self.length, self._count)))

    def _chunk(self, part: slice) -> Chunk:
        later = slice(part.start + self._later, part.stop + self._later)
        sources, after = self._vs[part], self._vs[later]
        # kept here: one by one they replace the last chunk's, and few large arrays live at once
        self._s = self._pairs("starts", sources, self._argument).sigmoid_()
        self._y = self._pairs("ends", after, self._reversal).mul_(self._s)
        if self._times is not None:
            self._y.mul_(self._times[self._steps[part]])
        p = torch.addcmul(self._y, self._y, self._s, value=-1)
        return Chunk(part, sources, after.narrow(1, 0, self._links.units), p)

    def _pairs(self, name: str, rows: Tensor, weights: Tensor) -> Tensor:
        (size, _, B), S = rows.shape, self._links.count
        return self._links.bag(name, size)(rows, weights[: 2 * S * size]).view(size, S, B)

    def add(self, chunk: Chunk, J: Tensor) -> None:
        """Add the chunk that was given last."""
        s, steps, size = self._s, self._steps[chunk.part], len(chunk.p)
        J, fans, neurons = J[:size], self.fans[:size], chunk.neurons
        if self._by_time is not None:
            total = torch.cat([s, self._own[steps]], dim=1)
            total = self._links.bag("inward", size)(total, self._inward.repeat(size))
            d, q = total.view(size, -1, J.shape[2]).chunk(2, dim=1)
            slope = (J * torch.addcmul(d, q, neurons, value=-1)).sum(1, True)
            self._by_time.index_add_(0, steps, slope.to(self._by_time.dtype))
        if self._times is not None:
            s.mul_(self._times[steps])
            J = J * self._times[steps]
        given = torch.cat([J, -J * neurons], dim=1)
        self._given.index_add_(0, steps, given.to(self._given.dtype))
        centred = self._pairs("starts", chunk.sources, self._centring)
        self._sums.add((self._y, fans), self.x[:size], centred, (s, fans))

    def gradients(self) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Of table, d, q, and of Δt if asked."""
        table, d, _, dt = self._flat
        by_d, by_q = self._given.to(d.dtype).transpose(1, 2).chunk(2, dim=-1)
        if self._by_time is None or dt is None:
            return self._sums.of(table), by_d, by_q, None
        by_time = self._by_time.to(d.dtype).transpose(1, 2)
        if dt.shape[1] != d.shape[1]:
            by_time = by_time.sum(1, True)
        return self._sums.of(table), by_d, by_q, by_time
