"""How many steps a hand-written scan works on at a time, and sums over them."""

from __future__ import annotations

import torch
from torch import Tensor

# numbers that one chunk touches: 2 MB in float32, what the second-level cache of a core holds
CHUNK = 1 << 19


def chunk_length(steps: int, batch: int, width: int) -> int:
    """Steps of a chunk, where a step of one row touches `width` numbers."""
    most = max(1, min(steps, CHUNK // max(1, batch * width)))
    # as many chunks as that takes, of the same length
    return -(-steps // -(-steps // most))


def accumulator(like: Tensor, shape: torch.Size) -> Tensor:
    """Zeros to sum a gradient in."""
    # accumulate in float32: bfloat16 loses what is small beside the sum
    half = like.dtype in (torch.bfloat16, torch.float16)
    return like.new_zeros(shape, dtype=torch.float32 if half else like.dtype)


def add_product(total: Tensor, a: Tensor, b: Tensor) -> None:
    """total += aᵀ b for a (n, K), b (n, M)."""
    if total.dtype == a.dtype:
        total.addmm_(a.t(), b)
    else:
        total.add_(a.t() @ b)
