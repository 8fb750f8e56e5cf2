"""The causal depthwise convolution of the blocks, carried on from call to call."""

from __future__ import annotations

import torch
from torch import Tensor

from ncps_xlstm.torch import kernels
from ncps_xlstm.torch.ops._behind import Behind
from ncps_xlstm.torch.ops._host import in_transform, wants_gradient, without_autocast


def convolved(
    x: Tensor, before: Tensor, weight: Tensor, bias: Tensor, behind: Behind | None
) -> tuple[Tensor, Tensor]:
    """y_t = b + Σ_j w_j x_{t-K+1+j} for x (B, T, N), and the last K - 1 inputs.

    `before` (B, K - 1, N) are those before x; weight (N, 1, K), bias (N,).
    """
    window = torch.cat([kernels.cast(before, x.dtype), x], dim=1)
    with without_autocast(x.device):
        y = _run(window, weight.squeeze(1).t(), bias)
    kept = before.shape[1]
    if behind is not None:
        place = behind.lengths[:, None] + torch.arange(kept, device=x.device)
        return y, window.gather(1, place[..., None].expand(-1, -1, x.shape[2]))
    after = window[:, x.shape[1] :]
    # a copy: a state that is carried on must not hold a whole sequence in memory, but for a step
    return y, after if x.shape[1] == 1 else after.clone()


def _run(*flat: Tensor) -> Tensor:
    """The convolution, by the kernel wherever it may run."""
    if in_transform():
        return kernels.causal_conv_plain(*flat)
    if not wants_gradient(flat):
        return kernels.causal_conv_forward(*flat)
    y: Tensor = kernels.CausalConv.apply(*flat)  # type: ignore[no-untyped-call]
    return y
