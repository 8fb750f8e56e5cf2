"""Initial values, drawn in NumPy so that one seed gives the same parameters in every technology."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ncps.wirings import Wiring

Shape = tuple[int, ...]
Array = npt.NDArray[np.float64]
Initializer = Callable[[np.random.Generator, Shape], Array]


@dataclass(frozen=True)
class Uniform:
    """Uniform in [-bound, bound]."""

    bound: float

    def __call__(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw one array."""
        return rng.uniform(-self.bound, self.bound, shape)


@dataclass(frozen=True)
class Range:
    """Uniform in [low, high]."""

    low: float
    high: float

    def __call__(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw one array."""
        return rng.uniform(self.low, self.high, shape)


@dataclass(frozen=True)
class Constant:
    """One value everywhere."""

    value: float

    def __call__(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Fill one array."""
        return np.full(shape, self.value)


@dataclass(frozen=True)
class Normal:
    """Normal with mean 0; a row of zeros where one is asked for."""

    deviation: float
    zero_row: int | None = None

    def __call__(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw one array."""
        values = self.deviation * rng.standard_normal(shape)
        if self.zero_row is not None:
            values[self.zero_row] = 0.0
        return values


@dataclass(frozen=True)
class Linspace:
    """Evenly spaced along a vector, from `start` to `end`."""

    start: float
    end: float

    def __call__(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Fill one vector."""
        return np.linspace(self.start, self.end, shape[0])


@dataclass(frozen=True)
class Polarities:
    """The signs of a built wiring's synapses, 0 where there is none."""

    wiring: Wiring
    sensory: bool

    def __call__(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Copy the wiring's matrix."""
        wiring = self.wiring
        matrix = wiring.sensory_adjacency_matrix if self.sensory else wiring.adjacency_matrix
        return np.array(matrix, dtype=np.float64).reshape(shape)


@dataclass(frozen=True)
class XavierUniform:
    """Uniform in ±√(6 / (fan_in + fan_out)); a vector counts as one row (Glorot & Bengio 2010)."""

    def __call__(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw one array."""
        fan_in, fan_out = shape if len(shape) == 2 else (shape[0], 1)
        bound = math.sqrt(6.0 / (fan_in + fan_out))
        return rng.uniform(-bound, bound, shape)


@dataclass(frozen=True)
class Orthogonal:
    """A random orthogonal matrix, uniform over all of them (Saxe et al. 2014)."""

    def __call__(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Draw one array."""
        rows, columns = shape
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        # the sign of QR's diagonal is arbitrary: fixing it makes the draw uniform
        q = q * np.sign(np.diag(r))
        return q if rows >= columns else q.T


def fan_in_uniform(fan_in: int) -> Uniform:
    """Uniform in ±1/√fan_in: the default of a linear layer in torch and MLX."""
    return Uniform(1.0 / math.sqrt(fan_in) if fan_in else 0.0)
