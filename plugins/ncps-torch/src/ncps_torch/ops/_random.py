"""A seed drawn from torch's own generator, so that `torch.manual_seed` fixes what is built next."""

from __future__ import annotations

import torch
from torch import Tensor


def draw_seed() -> int:
    """A seed for the initial parameters."""
    return int(torch.randint(0, 2**31 - 1, (), device="cpu").item())


def dropout(rate: float, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """0 with probability `rate`, else 1 / (1 - rate): what dropout multiplies by."""
    keep = 1.0 - rate
    return torch.empty(shape, dtype=like.dtype, device=like.device).bernoulli_(keep).div_(keep)
