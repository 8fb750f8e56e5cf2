"""Steps apart, at a cost that grows with their number and not with its square.

The gradient of a slice is an array as large as what it was cut from, so a loop over slices trains
in O(T²). The gradient of `mx.split` is a concatenation, but above ten pieces MLX splits by slices:
hence a tree of splits.

Held to its cost by `test_mlx_kernels.py`.
"""

from __future__ import annotations

import mlx.core as mx

PIECES = 8


def unbind(x: mx.array) -> list[mx.array]:
    """x (T, ·) as T arrays (1, ·); T must be at least 1."""
    steps = x.shape[0]
    if steps == 1:
        return [x]
    n = min(PIECES, steps)
    parts = mx.split(x, [i * steps // n for i in range(1, n)], axis=0)
    return [step for part in parts for step in unbind(part)]
