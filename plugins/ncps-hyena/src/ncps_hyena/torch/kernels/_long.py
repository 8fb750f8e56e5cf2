r"""The long convolution over each feature, by real transforms.

.. math::
    v_t = s \odot u_t + \sum_{j=0}^{t} h_j \odot u_{t-j}
    \;\bigl[\, + \textstyle\sum_{j \ge 1} r_j \odot u_{t+j} \bigr]

u, v (B, D, L), contiguous in time; h, r (D, L); s (D,). r_0 has no part. With capitals for
transforms, V = U (H + conj R); `_sizes` says how long they are. s u is added outside of them,
where it costs no digits.

Held to direct sums by `test_torch_long.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ncps_hyena.torch.kernels._sizes import transform


def long_plain(u: Tensor, h: Tensor, s: Tensor, r: Tensor | None = None) -> Tensor:
    """v (B, D, L), for every transform of torch."""
    if not u.shape[0]:  # torch's transforms take no batch without rows
        return u * s[:, None]
    n, apart = transform(u.shape[-1], r is not None)
    v = torch.fft.irfft(torch.fft.rfft(u, n=n) * spectrum(h, r, n), n=n)[..., : u.shape[-1]]
    if apart:
        v = torch.cat([head(u, h, apart), v[..., apart:]], dim=-1)
    return torch.addcmul(v, s[:, None], u)


def spectrum(h: Tensor, r: Tensor | None, n: int) -> Tensor:
    """H + conj R (…, n/2 + 1)."""
    H: Tensor = torch.fft.rfft(h, n=n)
    if r is None:
        return H
    R: Tensor = torch.fft.rfft(r, n=n) - r[..., :1]
    return H + R.conj()


def head(u: Tensor, h: Tensor, entries: int) -> Tensor:
    """The first entries of Σ_j h_j u_{t-j}, from the first entries of both."""
    n = 2 * entries
    U, H = (torch.fft.rfft(part[..., :entries], n=n) for part in (u, h))
    v: Tensor = torch.fft.irfft(U * H, n=n)
    return v[..., :entries]


def tail(delta: Tensor, h: Tensor, entries: int) -> Tensor:
    """The last entries of Σ_j h_j δ_{t+j}, from the last of δ and the first of h."""
    return head(delta[..., -entries:].flip(-1), h, entries).flip(-1)
