"""The causal depthwise convolution of the blocks, carried on from call to call."""

from __future__ import annotations

import mlx.core as mx

from ncps_xlstm.mlx import kernels
from ncps_xlstm.mlx.ops._behind import Behind


def convolved(
    x: mx.array, before: mx.array, weight: mx.array, bias: mx.array, behind: Behind | None
) -> tuple[mx.array, mx.array]:
    """y_t = b + Σ_j w_j x_{t-K+1+j} for x (B, T, N), and the last K - 1 inputs.

    `before` (B, K - 1, N) are those before x; weight (N, K, 1), bias (N,).
    """
    y, window = kernels.causal_conv(x, before, weight[..., 0].T, bias)
    if behind is None:
        return y, window[:, x.shape[1] :]
    return y, behind.inputs(window, before.shape[1])
