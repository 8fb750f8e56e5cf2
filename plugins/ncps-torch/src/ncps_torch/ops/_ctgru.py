"""CTGRU over a sequence: what the inputs give to the gates is computed for all steps at once."""

from __future__ import annotations

import torch
from torch import Tensor

from ncps_torch.kernels import ctgru_plain


def ctgru(
    x: Tensor,
    state: Tensor,
    weights: tuple[Tensor, Tensor, Tensor],
    log_scales: tuple[float, ...],
    clip: float | None,
    dt: Tensor | None,
) -> Tensor:
    """The states ĥ (T, B, H·M) after every step of x (T, B, D); weights W, R, b of the gates."""
    # the choice of a scale squares its logarithm: half precision would lose which one it is
    dtype = torch.float32 if x.dtype.itemsize < 4 else x.dtype
    W, R, b, wide = (tensor.to(dtype) for tensor in (*weights, x))
    units, log_tau = R.shape[0], wide.new_tensor(log_scales)
    memories = state.to(dtype).reshape(-1, units, len(log_scales))
    apart = (R[:, : 2 * units], R[:, 2 * units :])
    history = ctgru_plain(wide @ W + b, memories, apart, log_tau, _time_first(dt, wide), clip)
    return torch.flatten(history, -2).to(x.dtype)


def _time_first(dt: Tensor | None, like: Tensor) -> Tensor:
    """Δt () for all steps, or (T, B, 1)."""
    if dt is None:
        return like.new_ones(())
    dt = dt.to(like.dtype)
    return dt.t()[..., None] if dt.dim() else dt
