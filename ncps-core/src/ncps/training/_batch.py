"""What a trainer sees: windows as float32 arrays, nothing about files, dates or units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows of a series, scaled.

    x (B, T, D) float32; timespans (B, T) float32, ≥ 0; mask (B, T) bool, True = real step;
    context (B, C) float32, joined to the recurrent output before the head; target (B, outputs)
    float32.
    """

    x: npt.NDArray[np.float32]
    timespans: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]
    context: npt.NDArray[np.float32]
    target: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: npt.NDArray[np.intp] | slice) -> Batch:
        """The batch of these rows."""
        return Batch(
            self.x[rows],
            self.timespans[rows],
            self.mask[rows],
            self.context[rows],
            self.target[rows],
        )

    def shuffled(self, size: int, seed: tuple[int, ...]) -> Iterator[Batch]:
        """One epoch of batches of equal size, in an order that depends on the seed alone.

        Rows that do not fill the last batch sit this epoch out, so that a compiled step sees one
        shape.
        """
        size = min(size, len(self))
        order = np.random.default_rng(seed).permutation(len(self))
        for start in range(0, len(self) - size + 1, size):
            yield self.take(order[start : start + size])

    def steps(self, size: int) -> int:
        """How many batches one epoch has."""
        return max(1, len(self) // size)

    def chunks(self, size: int = 512) -> Iterator[Batch]:
        """All rows in order, in pieces that bound the memory of a prediction."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))
