r"""Causal convolution of a few taps over each feature.

.. math:: y_t = b + \sum_{k<K} w_k \odot x_{t-K+1+k}

Shapes: x (B, T, C); w (K, C); b (C,); tail (B, K - 1, C) holds the steps before x, zeros unless
given; y (B, T, C).

Features come last: then each tap reads and writes whole rows, and the gradients are MLX's own.

Held to the equation as written by `test_mlx_kernels.py`.
"""

from __future__ import annotations

import mlx.core as mx


def short_convolution(
    x: mx.array, w: mx.array, b: mx.array, tail: mx.array | None = None
) -> tuple[mx.array, mx.array]:
    """y, and the tail for the steps that follow."""
    taps, steps = w.shape[0], x.shape[1]
    if tail is None:
        tail = mx.zeros((x.shape[0], taps - 1, x.shape[2]), x.dtype)
    known = mx.concatenate([tail, x], axis=1) if taps > 1 else x
    y = b + w[0] * known[:, :steps]
    for k in range(1, taps):
        y = y + w[k] * known[:, k : k + steps]
    return y, known[:, steps:]
