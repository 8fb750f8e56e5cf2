r"""The short causal convolution over each feature, as shifted products.

.. math:: c_t = b + \sum_{k=0}^{K-1} w_k \odot z_{t-K+1+k}

z, c (B, C, L), contiguous in time; w (C, K), the tap K - 1 is the step itself; b (C,). Before the
first step stand zeros, or the `tail` (B, C, K - 1) of what came before.

Backward, with δ = ∂/∂c: ∂/∂z_t = Σ_k w_k δ_{t+K-1-k}, ∂/∂w_k = Σ δ_t z_{t-K+1+k}, ∂/∂b = Σ δ.

Held to torch's own convolution by `test_torch_gated.py` and `test_torch_short.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad


def short_plain(z: Tensor, w: Tensor, b: Tensor, tail: Tensor | None = None) -> Tensor:
    """c (B, C, L), for every transform of torch."""
    steps, taps = z.shape[-1], w.shape[-1]
    z = pad(z, (taps - 1, 0)) if tail is None else torch.cat([tail, z], dim=-1)
    c = torch.addcmul(b[:, None], z[..., taps - 1 :], w[:, taps - 1 :])
    for k in range(taps - 1):
        c = torch.addcmul(c, z[..., k : k + steps], w[:, k : k + 1])
    return c


def next_tail(z: Tensor, taps: int, tail: Tensor | None = None) -> Tensor:
    """What the next call needs of the steps so far (B, C, K - 1)."""
    kept = taps - 1
    if z.shape[-1] < kept:
        z = pad(z, (kept, 0)) if tail is None else torch.cat([tail, z], dim=-1)
    # a copy: a view would keep all of z in memory
    return z[..., z.shape[-1] - kept :].clone()


def short_into(z: Tensor, w: Tensor, b: Tensor, out: Tensor) -> Tensor:
    """c into `out`."""
    steps, last = z.shape[-1], w.shape[-1] - 1
    # one operand that is spread over the steps at a time: with two, torch leaves the fast loop
    torch.mul(z, w[:, last:], out=out).add_(b[:, None])
    for lag in range(1, min(last + 1, steps)):
        k = last - lag
        out[..., lag:].addcmul_(z[..., : steps - lag], w[:, k : k + 1])
    return out


def short_backward(z: Tensor, w: Tensor, delta: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
    """∂/∂z into `out`; ∂/∂w (C, K) and ∂/∂b (C,)."""
    steps, last = z.shape[-1], w.shape[-1] - 1
    dw = torch.zeros_like(w)
    torch.mul(delta, w[:, last:], out=out)
    dw[:, last] = sum_of_products(delta, z)
    for lag in range(1, min(last + 1, steps)):
        k, later = last - lag, delta[..., lag:]
        out[..., : steps - lag].addcmul_(later, w[:, k : k + 1])
        dw[:, k] = sum_of_products(later, z[..., : steps - lag])
    return dw, delta.sum((0, 2))


def sum_of_products(a: Tensor, b: Tensor) -> Tensor:
    """Σ a b over rows and steps (C,), for a, b (B, C, L)."""
    return torch.mul(a, b).sum((0, 2))
