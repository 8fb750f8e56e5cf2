r"""The filters that a small network writes, for all lags at once: plain twin of `_filters_scan`.

.. math::
    a^0_j = \sin(z_j W_0^\top + b_0),\quad a^i_j = \sin(a^{i-1}_j W_i^\top + b_i),\quad
    h_j = W a_j \odot (e^{-j \tau |\delta|} + c)

with the frequency ω of the sines already in W_i and b_i. z (L, E); W_i (F, E or F), b_i (F,);
W (M, F), M filters; δ (M,), or None for no factor; τ = 1 / (l_max - 1); c the shift; h (M, L), so
that a filter is contiguous in time.

`test_torch_filters.py` holds the twin to the reference, and the kernel to the twin.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Numbers(NamedTuple):
    """c, τ, and whether the kernel is to write h as a view of an array (L, M)."""

    shift: float
    tau: float
    features_last: bool = False


def filters_plain(
    numbers: Numbers, z: Tensor, delta: Tensor | None, W: Tensor, *maps: Tensor
) -> Tensor:
    """h (M, L), for every transform of torch; `maps` are W_0, b_0, W_1, b_1 and so on."""
    a = z
    for Wi, bi in zip(maps[::2], maps[1::2], strict=True):
        a = torch.sin(torch.addmm(bi, a, Wi.t()))
    h = W @ a.t()
    if delta is None:
        return h
    t = numbers.tau * torch.arange(z.shape[0], dtype=z.dtype, device=z.device)
    return h * (torch.exp(-delta.abs()[:, None] * t) + numbers.shift)
