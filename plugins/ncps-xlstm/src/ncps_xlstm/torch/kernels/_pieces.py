"""How a long sequence is cut into chunks, and the memory that its pieces are worked on in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

# numbers that the arrays of one segment hold together: 8 MB in float32
SEGMENT = 1 << 21
# numbers that a chunk of a scan touches: 2 MB in float32, about what a core has to itself
SCAN = 1 << 19


class Segment(NamedTuple):
    """Chunks `first` to `last` of `length` steps each, from step `start` on."""

    first: int
    last: int
    length: int
    start: int

    def row(self, x: Tensor) -> Tensor:
        """These chunks of vectors x (chunks, G, at least L), as a view (n, G, L)."""
        return x[self.first : self.last, :, : self.length]

    def of(self, x: Tensor) -> Tensor:
        """These chunks of x (B, N, S, D), as a view (n, B, N, L, D)."""
        n = self.last - self.first
        own = x[:, :, self.start : self.start + n * self.length]
        return own.view(*x.shape[:2], n, self.length, x.shape[-1]).permute(2, 0, 1, 3, 4)


class Plan(NamedTuple):
    """Chunks of `length` steps, the last one of `rest`, of which segments have `at_once`."""

    chunks: int
    length: int
    rest: int
    at_once: int

    def segments(self) -> list[Segment]:
        """The segments in order; a shorter last chunk is one of its own."""
        whole, L = self.chunks - (self.rest < self.length), self.length
        starts = range(0, whole, self.at_once)
        found = [Segment(s, min(s + self.at_once, whole), L, s * L) for s in starts]
        if whole < self.chunks:
            found.append(Segment(whole, self.chunks, self.rest, whole * L))
        return found


def plan_of(q: Tensor, v: Tensor, chunk: int) -> Plan:
    """As few chunks of at most `chunk` steps as it takes, as alike as can be."""
    B, N, S, K = q.shape
    chunks = -(-S // chunk)
    L, V = -(-S // chunks), v.shape[-1]
    numbers = B * N * (2 * L * L + 5 * L * K + 3 * L * V + 2 * K * V)
    at_once = max(1, min(chunks, SEGMENT // max(1, numbers)))
    return Plan(chunks, L, S - (chunks - 1) * L, at_once)


class Workspace:
    """Arrays that every segment uses anew, all in one piece of memory.

    In pieces of their own they would go back to the system after each call, to come back page by
    page: that can take a third of the time of a training step.
    """

    def __init__(self, like: Tensor, sizes: Mapping[str, int]) -> None:
        # a cache line apart
        rounded = {name: -(-size // 16) * 16 for name, size in sizes.items()}
        memory = like.new_empty(sum(rounded.values()))
        self._places = dict(zip(rounded, torch.split(memory, list(rounded.values())), strict=True))

    def take(self, name: str, *shape: int) -> Tensor:
        """The array of this name, in this shape; it holds what was last in it."""
        place: Tensor = self._places[name]
        return place[: math.prod(shape)].view(shape)

    def copy(self, name: str, x: Tensor) -> Tensor:
        """A view (n, B, N, L, D) copied as (n·B·N, L, D)."""
        return self.take(name, *x.shape).copy_(x).flatten(0, 2)


def steps_at_once(steps: int, numbers: int, most: int) -> int:
    """Steps of a chunk that touches at most so many numbers, where a step touches `numbers`."""
    most = max(1, min(steps, most // max(1, numbers)))
    # as many chunks as that takes, of the same length
    return -(-steps // -(-steps // most))
