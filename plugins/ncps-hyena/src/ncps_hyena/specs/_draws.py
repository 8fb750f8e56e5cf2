"""How first values are drawn: as a layer on its own, or as part of a language model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from ncps.specs.initializers import Constant, Initializer, Normal, fan_in_uniform


class Draws(Protocol):
    """The initialisers of affine maps."""

    def kernel(self, fan_in: int) -> Initializer:
        """Of a kernel that `fan_in` features go into."""

    def bias(self, fan_in: int) -> Initializer:
        """Of the bias beside it."""

    def output(self, fan_in: int) -> Initializer:
        """Of a kernel whose product is added to the residual stream."""


class Alone:
    """Uniform in ±1/√fan_in, the default of a linear layer in torch and MLX."""

    def kernel(self, fan_in: int) -> Initializer:
        """Uniform in ±1/√fan_in."""
        return fan_in_uniform(fan_in)

    bias = output = kernel


@dataclass(frozen=True)
class InModel:
    """Normal with one deviation, smaller where many blocks add up; biases 0 (Radford et al. 2019).

    Source: HyenaDNA's language model, which draws the filters' network in this way too.
    """

    deviation: float
    blocks: int

    def kernel(self, fan_in: int) -> Initializer:
        """N(0, deviation²)."""
        return Normal(self.deviation)

    def bias(self, fan_in: int) -> Initializer:
        """0."""
        return Constant(0.0)

    def output(self, fan_in: int) -> Initializer:
        """N(0, deviation² / 2n) with n blocks, each of which adds twice."""
        return Normal(self.deviation / math.sqrt(2 * self.blocks))
