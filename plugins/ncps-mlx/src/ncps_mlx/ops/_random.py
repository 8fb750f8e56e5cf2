"""Random numbers: a seed drawn from MLX's generator, and code that must leave it alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mlx.core as mx


def draw_seed() -> int:
    """A seed from MLX's own generator, so that `mx.random.seed` fixes what is built next."""
    return int(mx.random.randint(0, 2**31 - 1))


@contextmanager
def untouched_random() -> Iterator[None]:
    """Put MLX's generator back to where it was: stock layers draw values that are then replaced."""
    state: Any = mx.random.state
    high, low = state[0].tolist()
    try:
        yield
    finally:
        # the generator's state is one key, and the key of a 64-bit seed is its two halves
        mx.random.seed(high << 32 | low)


def dropout(rate: float, shape: tuple[int, ...], dtype: mx.Dtype) -> mx.array:
    """0 with probability `rate`, else 1 / (1 - rate): what dropout multiplies by."""
    return mx.random.bernoulli(1.0 - rate, shape).astype(dtype) / (1.0 - rate)
