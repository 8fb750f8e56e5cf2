"""Elapsed times as a loop over steps takes them."""

from __future__ import annotations

from torch import Tensor


def each_step(dt: Tensor, like: Tensor) -> tuple[Tensor, ...]:
    """Δt of every step of `like` (T, …): the same () each time, or (B, 1) of (T, B, 1)."""
    return dt.unbind(0) if dt.dim() else (dt,) * like.shape[0]
