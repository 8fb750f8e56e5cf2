"""Masked steps: what stands there does not count."""

from __future__ import annotations

import mlx.core as mx


def cleared(x: mx.array, real: mx.array | None) -> mx.array:
    """x (B, T, …) with zeros in masked steps; real is (B, T), or None when all are."""
    if real is None:
        return x
    # zero times NaN is NaN: a gap in the data must not reach the gradient
    return mx.where(real.reshape(*real.shape, *[1] * (x.ndim - 2)), x, mx.zeros_like(x))


def pooled(f: mx.array, real: mx.array | None, pooling: str) -> mx.array:
    """One of the mean, the sum, the first and the last of the real steps: (B, T, D) → (B, D).

    f holds zeros in masked steps; where no step is real, all four are 0.
    """
    if pooling == "sum":
        return mx.sum(f, axis=1)
    if pooling == "mean":
        count = f.shape[1] if real is None else mx.sum(real, axis=1, keepdims=True)
        return mx.sum(f, axis=1) / mx.maximum(mx.array(count), 1)
    if real is None:
        real = mx.ones(f.shape[:2], mx.bool_)
    # the one step whose place among the real ones is the first, or the last
    place = mx.cumsum(real.astype(mx.int32), axis=1)
    wanted = 1 if pooling == "first" else mx.sum(real, axis=1, keepdims=True)
    return mx.sum(cleared(f, real & (place == wanted)), axis=1)
