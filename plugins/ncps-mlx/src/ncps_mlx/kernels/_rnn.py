r"""One step of a simple recurrent network, once the input's projection is known.

.. math:: h' = \phi(p + h R)

Shapes: p (B, H) is x's part with the bias; R (H, H); h (B, H).

Held to the equation as written by `test_kernels.py`.
"""

from __future__ import annotations

import mlx.core as mx

from ncps_mlx.kernels._activations import Activation


def rnn_step(phi: Activation, p: mx.array, h: mx.array, R: mx.array) -> mx.array:
    """The new h."""
    return phi(mx.addmm(p, h, R))
