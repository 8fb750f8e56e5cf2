"""Elapsed times for recurrences that need them at every step."""

from __future__ import annotations

import mlx.core as mx


def each_step(dt: mx.array | None, x: mx.array) -> tuple[list[mx.array], mx.array]:
    """Δt (B, T, 1) to scan over, or none and the one Δt () of all steps, for x (B, T, D)."""
    one = mx.ones((), x.dtype) if dt is None else dt
    return ([], one) if one.ndim == 0 else ([one[..., None]], one)
