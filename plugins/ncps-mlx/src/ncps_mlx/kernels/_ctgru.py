r"""One step of a continuous-time GRU, once the input's projection is known.

.. math::
    \hat h \leftarrow e^{-\Delta t/\tilde\tau}\,\hat h,\quad
    r, s = \mathrm{softmax}\,{-(p_{r,s} + (\textstyle\sum \hat h) R_{r,s} - \ln\tilde\tau)^2}

    q = \tanh(p_q + (\textstyle\sum r \hat h) R_q),\quad \hat h' = \hat h + s\,(q - \hat h)

The sums and the softmax run over the M scales.

Shapes: p (B, 3·H) is x's part of the gates r, s, q with the biases; R_rs (H, 2·H), R_q (H, H); ĥ
(B, H, M); ln τ̃ (M); the decay (M) or (B, 1, M).

Held to the float64 reference by the conformance kit.
"""

from __future__ import annotations

import mlx.core as mx


def ctgru_step(
    p: mx.array, memories: mx.array, R_rs: mx.array, R_q: mx.array, log_tau: mx.array
) -> mx.array:
    """The new memories, for those that have faded already."""
    pr, ps, pq = mx.split(p, 3, axis=-1)
    ur, us = mx.split(mx.sum(memories, axis=-1) @ R_rs, 2, axis=-1)
    r, s = choice(pr + ur, log_tau), choice(ps + us, log_tau)
    q = mx.tanh(pq + mx.sum(r * memories, axis=-1) @ R_q)
    return memories + s * (q[..., None] - memories)


def choice(wanted: mx.array, log_tau: mx.array) -> mx.array:
    """The weight (B, H, M) of each scale for the wanted ln τ (B, H)."""
    return mx.softmax(-mx.square(wanted[..., None] - log_tau), axis=-1)
