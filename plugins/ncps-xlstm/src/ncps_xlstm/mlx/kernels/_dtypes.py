"""The dtype that sums and states have."""

from __future__ import annotations

import mlx.core as mx


def working(dtype: mx.Dtype) -> mx.Dtype:
    """float32 for float32 and narrower; float64, which MLX has on a CPU only, stays."""
    return mx.float64 if dtype == mx.float64 else mx.float32
