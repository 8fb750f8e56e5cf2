r"""One step of an LSTM, once the input's projection is known.

.. math::
    i, f, g, o = p + h R,\quad c' = \sigma(f + \beta) \odot c + \sigma(i) \odot \tanh g,\quad
    h' = \sigma(o) \odot \tanh c'

Shapes: p (B, 4·H) is x's part with the bias; R (H, 4·H); h, c (B, H); β is an offset of the
forget gate.

Held to the equation as written by `test_kernels.py`.
"""

from __future__ import annotations

import mlx.core as mx


def lstm_step(
    p: mx.array, h: mx.array, c: mx.array, R: mx.array, forget_offset: float = 0.0
) -> tuple[mx.array, mx.array]:
    """The new (h, c)."""
    i, f, g, o = mx.split(mx.addmm(p, h, R), 4, axis=-1)
    if forget_offset:
        f = f + forget_offset
    c = mx.sigmoid(f) * c + mx.sigmoid(i) * mx.tanh(g)
    return mx.sigmoid(o) * mx.tanh(c), c
