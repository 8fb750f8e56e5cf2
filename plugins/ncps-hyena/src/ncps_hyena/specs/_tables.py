"""What the filters' network reads and what damps its filters: tables that options alone fix.

They are computed wherever they are needed, never stored in a file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def times(l_max: int, length: int) -> Array:
    """t_j = j / (l_max - 1) of the first `length` lags (length,)."""
    return np.arange(length) / max(l_max - 1, 1)


def positions(l_max: int, emb_dim: int, length: int) -> Array:
    """z_j = [t_j, cos(f w_j), -sin(f w_j)] (length, emb_dim), w_j = 2π j / l_max.

    The (emb_dim - 1) / 2 frequencies f lie evenly between 1e-4 and their number minus 1.
    """
    bands = (emb_dim - 1) // 2
    w = 2.0 * math.pi * np.arange(length) / l_max
    angles = w[:, None] * np.linspace(1e-4, bands - 1, bands)
    t = times(l_max, length)[:, None]
    return np.concatenate([t, np.cos(angles), -np.sin(angles)], axis=1)


def deltas(
    convolutions: int, features: int, layout: str, fast: float, slow: float, target: float
) -> Array:
    """δ (convolutions, features), evenly from ln(target) / slow to ln(target) / fast.

    `layout` says which of the two counts more slowly along that line.
    """
    low, high = math.log(target) / slow, math.log(target) / fast
    line = np.linspace(low, high, convolutions * features)
    if layout == "order":
        return line.reshape(convolutions, features)
    return line.reshape(features, convolutions).T


@dataclass(frozen=True)
class Positions:
    """The initial value of learned positions: z of all lags."""

    l_max: int
    emb_dim: int

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """The table."""
        return positions(self.l_max, self.emb_dim, self.l_max)


@dataclass(frozen=True)
class Deltas:
    """The initial value of a learned δ: row `index` of what `deltas` gives."""

    index: int
    arguments: tuple[Any, ...]

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """The row."""
        row: Array = deltas(*self.arguments)[self.index]
        return row
