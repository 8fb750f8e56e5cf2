r"""One step of an RNN and of a GRU, once the input's projection is known.

.. math::
    \text{RNN: } h' = \phi(p + h R)

    \text{GRU: } z, r = \sigma(p_{z,r} + h R_{z,r}),\quad n = \tanh(p_n + r \odot (h R_n + c)),
    \quad h' = n + z \odot (h - n)

or, where the gate acts before the product, :math:`n = \tanh(p_n + (r \odot h) R_n)`.

Shapes: p (B, n·H) is x's part with the bias; R (H, n·H), n = 1 or 3 gates in Keras' order z, r, n,
for a gate before the product apart as R_zr (H, 2·H) and R_n (H, H); c (H,); h (B, H).

Held to the equations as written by the conformance kit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ncps_keras.backends import xp
from ncps_keras.kernels._activations import ACTIVATIONS
from ncps_keras.kernels._scan import Arrays


@dataclass(frozen=True)
class RNNStep:
    """``at_t`` is p, ``weights`` R."""

    phi: str

    def __call__(self, weights: Any, at_t: Arrays, states: Arrays) -> Arrays:
        """The new h."""
        return [ACTIVATIONS[self.phi](xp.addmm(at_t[0], states[0], weights))]


@dataclass(frozen=True)
class GRUStep:
    """``at_t`` is p; ``weights`` R and c or None, or R_zr and R_n."""

    reset_after: bool

    def __call__(self, weights: Any, at_t: Arrays, states: Arrays) -> Arrays:
        """The new h."""
        (p,), (h,), (R, other) = at_t, states, weights
        units = h.shape[-1]
        p_zr, p_n = xp.parts(p, (2 * units, units))
        if self.reset_after:
            u_zr, u_n = xp.parts(h @ R, (2 * units, units))
            z, r = xp.split(xp.sigmoid(p_zr + u_zr), 2)
            n = xp.tanh(p_n + r * (u_n if other is None else u_n + other))
        else:
            z, r = xp.split(xp.sigmoid(xp.addmm(p_zr, h, R)), 2)
            n = xp.tanh(xp.addmm(p_n, r * h, other))
        return [n + z * (h - n)]
