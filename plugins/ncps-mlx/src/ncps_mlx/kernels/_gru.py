r"""One step of a GRU, once the input's projection is known.

.. math::
    r, z = \sigma(p_{r,z} + h R_{r,z}),\quad n = \tanh(p_n + r \odot (h R_n + c)),\quad
    h' = n + z \odot (h - n)

or, where the gate acts before the product, :math:`n = \tanh(p_n + (r \odot h) R_n)`.

Shapes: p (B, 3·H) is x's part with the bias; R (H, 3·H), apart R_rz (H, 2·H) and R_n (H, H); c
(H,); h (B, H).

Held to the equation as written by `test_kernels.py`.
"""

from __future__ import annotations

import mlx.core as mx


def gru_step(p: mx.array, h: mx.array, R: mx.array, c: mx.array | None) -> mx.array:
    """The new h; the reset gate acts after the product."""
    pr, pz, pn = mx.split(p, 3, axis=-1)
    ur, uz, un = mx.split(h @ R, 3, axis=-1)
    r, z = mx.sigmoid(pr + ur), mx.sigmoid(pz + uz)
    n = mx.tanh(pn + r * (un if c is None else un + c))
    return n + z * (h - n)


def gru_step_before(p: mx.array, h: mx.array, R_rz: mx.array, R_n: mx.array) -> mx.array:
    """The new h; the reset gate acts before the product."""
    pr, pz, pn = mx.split(p, 3, axis=-1)
    ur, uz = mx.split(h @ R_rz, 2, axis=-1)
    r, z = mx.sigmoid(pr + ur), mx.sigmoid(pz + uz)
    n = mx.tanh(mx.addmm(pn, r * h, R_n))
    return n + z * (h - n)
