r"""One step of a CTRNN, N semi-implicit ones, once the input's projection is known.

.. math:: h \leftarrow \frac{h + \delta\,\phi(p + h R)}{1 + \delta / \tau},\quad
    \delta = \Delta t / N

Shapes: p (B, H) is x's part with the bias; R (H, H); 1/τ (H,); h (B, H); Δt () or (B, 1).

Held to the equation as written by the conformance kit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ncps_keras.backends import xp
from ncps_keras.kernels._activations import ACTIVATIONS
from ncps_keras.kernels._scan import Arrays


@dataclass(frozen=True)
class CTRNNStep:
    """``at_t`` is p, and Δt if `timed`; ``weights`` R, 1/τ, and Δt if not."""

    phi: str
    unfolds: int
    timed: bool

    def __call__(self, weights: Any, at_t: Arrays, states: Arrays) -> Arrays:
        """The new h."""
        R, rate, dt = weights
        p, (h,) = at_t[0], states
        delta = (at_t[1] if self.timed else dt) / self.unfolds
        decay = 1.0 + delta * rate
        phi = ACTIVATIONS[self.phi]
        for _ in range(self.unfolds):
            h = (h + delta * phi(xp.addmm(p, h, R))) / decay
        return [h]
