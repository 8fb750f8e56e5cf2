"""The causal depthwise convolution of the blocks, carried on from call to call."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ncps_xlstm.torch.ops._behind import Behind


def convolved(
    x: Tensor, before: Tensor, weight: Tensor, bias: Tensor, behind: Behind | None
) -> tuple[Tensor, Tensor]:
    """y_t = b + Σ_j w_j x_{t-K+1+j} for x (B, T, N), and the last K - 1 inputs.

    `before` (B, K - 1, N) are those before x; weight (N, 1, K), bias (N,).
    """
    window = torch.cat([before.to(x.dtype), x], dim=1)
    y = functional.conv1d(
        window.transpose(1, 2), weight.to(x.dtype), bias.to(x.dtype), groups=weight.shape[0]
    )
    kept = before.shape[1]
    if behind is None:
        after = window[:, x.shape[1] :]
    else:
        place = behind.lengths[:, None] + torch.arange(kept, device=x.device)
        after = window.gather(1, place[..., None].expand(-1, -1, x.shape[2]))
    # a copy: a state that is carried on must not hold the whole sequence in memory
    return y.transpose(1, 2), after.clone()
