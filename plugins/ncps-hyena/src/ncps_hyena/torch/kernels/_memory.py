"""Memory: how rows of time are laid out in it, and how much of it is worth keeping."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# numbers, the start of a row is at a multiple of
ALIGNED = 16
# numbers in 4 kB of float32: entries that lie a multiple of it apart share a few places of the
# cache, and a product walks down a column of them
APART = 1024
# bytes; the allocator of Linux hands a larger array back to the system when it is freed
CHEAP = 1 << 25


def rows(like: Tensor, *shape: int) -> Tensor:
    """Memory (…, steps) for who reads and writes it by matrix products, as `like` is."""
    steps = shape[-1]
    # a few steps are not worth it, and a state that keeps them would keep what stands between
    between = -steps % ALIGNED if steps > ALIGNED else 0
    if steps and (steps + between) % APART == 0:
        between += ALIGNED
    return like.new_empty(*shape[:-1], steps + between)[..., :steps]


def cheap(like: Tensor, *shape: int, dtype: torch.dtype | None = None) -> Tensor | None:
    """Memory for what could be made again in the backward; None where it would be too much.

    To touch new memory takes as long as to make again what would be kept in it.
    """
    dtype = dtype or like.dtype
    if math.prod(shape) * dtype.itemsize > CHEAP:
        return None
    return like.new_empty(shape, dtype=dtype)
