"""The first values of the paper and of its package."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ncps.specs.initializers import Constant, Initializer, Linspace, Normal

GATE_INITS = ("zeros", "normal")


@dataclass(frozen=True)
class PowerlawBias:
    r"""Forget biases that fall from 5 to -7 within each head: its units forget at all rates.

    .. math:: b_j = 5 - 12 \left(\tfrac{j}{d - 1}\right)^{0.3 + 1.3\, r}

    for unit j of the d of a head; r grows from 0 in the first block of a stack to 1 in the last.
    """

    num_heads: int
    depth: float = 0.0

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Fill one vector, head by head."""
        size = shape[0] // self.num_heads
        place = np.arange(size) / max(size - 1, 1)
        return np.tile(5.0 - 12.0 * place ** (0.3 + 1.3 * self.depth), self.num_heads)


def small(size: int) -> Normal:
    """Normal with variance 2 / (5 size) (Nguyen & Salazar 2019, arXiv:1910.05895)."""
    return Normal(math.sqrt(2.0 / (5.0 * size)))


def wang(size: int, num_blocks: int) -> Normal:
    """Normal with deviation 2 / (num_blocks √size), for what is added to a residual stream."""
    return Normal(2.0 / (num_blocks * math.sqrt(size)))


def gate_kernel(init: str, size: int) -> Initializer:
    """Of a gate's kernel: zeros, so that its bias alone speaks at first, or `small`."""
    return Constant(0.0) if init == "zeros" else small(size)


FORGET_BIAS = Linspace(3.0, 6.0)
INPUT_BIAS = Normal(0.1)
