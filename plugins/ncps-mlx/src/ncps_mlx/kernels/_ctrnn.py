r"""One step of a CTRNN, once the input's projection is known: N semi-implicit ones.

.. math:: h \leftarrow \frac{h + \delta\,\phi(p + h R)}{1 + \delta / \tau},\quad
    \delta = \Delta t / N

Shapes: p (B, H) is x's part with the bias; R (H, H); h (B, H); δ () or (B, 1); decay (H,) or
(B, H) is 1 + δ / τ.

Held to the equation as written by `test_kernels.py`.
"""

from __future__ import annotations

import mlx.core as mx

from ncps_mlx.kernels._activations import Activation


def ctrnn_unfold(
    phi: Activation, p: mx.array, h: mx.array, R: mx.array, delta: mx.array, decay: mx.array
) -> mx.array:
    """The h after one of the N steps."""
    return (h + delta * phi(mx.addmm(p, h, R))) / decay
