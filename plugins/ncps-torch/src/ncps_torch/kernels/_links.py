r"""The synapses that a wiring has, as lists, and sums over them.

Arrays here have the batch last, so that a synapse or a neuron is a row: v (I, B), s (S, B), d
(H, B). All ways from neurons to synapses and back are then weighted sums of rows, which torch has
as `embedding_bag`: several times as fast as to gather, scale and add.

Several time steps at once are rows below each other: (C, I, B) is taken as (C·I, B).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Bag(NamedTuple):
    """Which rows each sum takes: those in `indices` from its place in `offsets` on."""

    indices: Tensor
    offsets: Tensor

    def __call__(self, rows: Tensor, weights: Tensor) -> Tensor:
        """The sums of rows (…, B), each times its weight."""
        rows = rows.flatten(0, -2)
        sums: Tensor = torch.embedding_bag(
            rows, self.indices, self.offsets, False, 0, False, weights
        )[0]
        return sums

    def repeated(self, times: int, rows: int) -> Bag:
        """For that many arrays of `rows` rows, one below the other."""
        each = torch.arange(times, device=self.indices.device)[:, None]
        offsets = self.offsets + each * len(self.indices)
        return Bag((self.indices + each * rows).flatten(), offsets.flatten())


class Links:
    """The S synapses of a mask (I, H), sorted by destination: from the sources `src` to `dst`.

    With a `tail` each neuron has rows of its own after those of the synapses, which are added to
    its sums: two for "inward", of d and q, and one for "outward".
    """

    def __init__(self, mask: Tensor, tail: bool) -> None:
        self.sources, self.units = mask.shape
        self.dst, self.src = mask.t().nonzero(as_tuple=True)
        self.count = len(self.dst)
        self._tail = self.units if tail else 0
        neurons = torch.arange(self._tail, device=mask.device)
        self._single = _grouped(torch.cat([self.dst, neurons]), self.units)
        # how many rows each bag reads
        self._rows = {
            "starts": self.sources + 1,
            "ends": self.units + 1,
            "both": 2 * self.units,
            "inward": self.count + 2 * self._tail,
            "outward": self.count + self._tail,
        }
        self._bags = {
            ("starts", 1): _pairs(self.src, torch.full_like(self.src, self.sources)),
            ("ends", 1): _pairs(self.dst, torch.full_like(self.dst, self.units)),
            ("both", 1): _pairs(self.dst, self.dst + self.units),
            ("inward", 1): self._twice(),
            ("outward", 1): _grouped(torch.cat([self.src, neurons]), self.sources),
        }

    def bag(self, name: str, steps: int = 1) -> Bag:
        """The bag for that many steps at once.

        To each synapse, from a neuron's row and the row of ones: "starts", "ends"; from the rows
        of d and q of the neuron where it ends: "both". To each neuron: "inward", d and q of
        synapses that end there; "outward", the sum of those that start there.
        """
        if (name, steps) not in self._bags:
            self._bags[name, steps] = self._bags[name, 1].repeated(steps, self._rows[name])
        return self._bags[name, steps]

    def pick(self, table: Tensor) -> Tensor:
        """The synapses' entries (S) of a table (I, H)."""
        return table[self.src, self.dst]

    def spread(self, entries: Tensor) -> Tensor:
        """The table (I, H) with these entries, and 0 elsewhere."""
        table = entries.new_zeros(self.sources, self.units)
        return table.index_put((self.src, self.dst), entries)

    def inward_weights(self, drive: Tensor, conductance: Tensor) -> Tensor:
        """For "inward": the synapses', and 1 for the tails."""
        one = drive.new_ones(self._tail)
        return torch.cat([torch.cat([w, one])[self._single.indices] for w in (drive, conductance)])

    def outward_weights(self, weights: Tensor, tail: Tensor | None = None) -> Tensor:
        """For "outward": the synapses', and those of the tail (H)."""
        every = weights if tail is None else torch.cat([weights, tail])
        return every[self.bag("outward").indices]

    def _twice(self) -> Bag:
        """The sums d, then the sums q, which differ in the weights and the tail."""
        indices, offsets = self._single
        second = torch.where(indices < self.count, indices, indices + self._tail)
        return Bag(torch.cat([indices, second]), torch.cat([offsets, offsets + len(indices)]))


def with_ones(v: Tensor) -> Tensor:
    """v (T, B, I) as rows (T, I + 1, B), the last of them ones."""
    rows = v.new_empty(v.shape[0], v.shape[2] + 1, v.shape[1])
    rows[:, :-1] = v.transpose(1, 2)
    rows[:, -1] = 1
    return rows


def pair_weights(first: Tensor | float, second: Tensor | float) -> Tensor:
    """For a bag of pairs: the weights of their first and second rows."""
    if not isinstance(first, Tensor):
        assert isinstance(second, Tensor), "one of them is a tensor"
        first = torch.full_like(second, first)
    elif not isinstance(second, Tensor):
        second = torch.full_like(first, second)
    return torch.stack([first, second], dim=1).flatten()


def _grouped(keys: Tensor, groups: int) -> Bag:
    """The bag whose sum k takes the rows whose key is k."""
    counts = torch.bincount(keys, minlength=groups)
    return Bag(torch.argsort(keys, stable=True), torch.cumsum(counts, 0) - counts)


def _pairs(first: Tensor, second: Tensor) -> Bag:
    """Sums of two rows each."""
    indices = torch.stack([first, second], dim=1).flatten()
    return Bag(indices, torch.arange(0, len(indices), 2, device=first.device))
