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
from ncps_keras.kernels._solved import Solve


@dataclass(frozen=True)
class CTRNNStep:
    """``at_t`` is p, and Δt if `timed`; ``weights`` R, 1/τ, and Δt if not.

    A solver other than the semi-implicit one stands in `solve`.
    """

    phi: str
    unfolds: int
    timed: bool
    solve: Solve | None = None

    def __call__(self, weights: Any, at_t: Arrays, states: Arrays) -> Arrays:
        """The new h."""
        R, rate, dt = weights
        p, (h,) = at_t[0], states
        phi, dt = ACTIVATIONS[self.phi], at_t[1] if self.timed else dt
        if self.solve is not None:
            return [self.solve(lambda t, h: (phi(xp.addmm(p, h, R)), rate), h, dt)]
        delta = dt / self.unfolds
        decay = 1.0 + delta * rate
        for _ in range(self.unfolds):
            h = (h + delta * phi(xp.addmm(p, h, R))) / decay
        return [h]
