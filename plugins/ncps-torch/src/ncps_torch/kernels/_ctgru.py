r"""A continuous-time GRU over a sequence, as its equations say, for autograd.

.. math::
    \hat h \leftarrow e^{-\Delta t/\tilde\tau}\,\hat h,\quad
    r, s = \mathrm{softmax}\,{-(p_{r,s} + (\textstyle\sum \hat h) R_{r,s} - \ln\tilde\tau)^2}

    q = \tanh(p_q + (\textstyle\sum r \hat h) R_q),\quad \hat h' = \hat h + s\,(q - \hat h)

The sums and the softmax run over the M scales.

Shapes, time first: p (T, B, 3·H) is the inputs' part of the gates r, s, q with the biases; R_rs
(H, 2·H), R_q (H, H); ĥ (B, H, M); ln τ̃ (M); Δt () for all steps, or (T, B, 1).

Held to the float64 reference by the conformance kit.
"""

from __future__ import annotations

import torch
from torch import Tensor


def ctgru_plain(
    p: Tensor,
    memories: Tensor,
    weights: tuple[Tensor, Tensor],
    log_tau: Tensor,
    dt: Tensor,
    clip: float | None,
) -> Tensor:
    """The memories (T, B, H, M) after every step; weights are R_rs and R_q."""
    R_rs, R_q = weights
    units = memories.shape[1]
    # (M) for all steps, or (T, B, 1, M)
    decay = torch.exp(-dt[..., None] * torch.exp(-log_tau))
    fades = decay.unbind(0) if dt.dim() else (decay,) * p.shape[0]
    steps = torch.split(p, [2 * units, units], dim=-1)
    history = []
    for p_rs, p_q, fade in zip(*(part.unbind(0) for part in steps), fades, strict=True):
        memories = memories * fade
        wanted = torch.addmm(p_rs, memories.sum(-1), R_rs).view(-1, 2, units)
        r, s = torch.softmax(-((wanted[..., None] - log_tau) ** 2), dim=-1).unbind(1)
        q = torch.tanh(torch.addmm(p_q, (r * memories).sum(-1), R_q))
        memories = memories + s * (q[..., None] - memories)
        if clip is not None:
            memories = memories.clamp(-clip, clip)
        history.append(memories)
    return torch.stack(history)
