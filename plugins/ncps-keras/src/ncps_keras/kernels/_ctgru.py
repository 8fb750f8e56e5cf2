r"""One step of a continuous-time GRU, once the input's projection is known.

.. math::
    \hat h \leftarrow e^{-\Delta t/\tilde\tau}\,\hat h,\quad
    r, s = \mathrm{softmax}\,{-(p_{r,s} + (\textstyle\sum \hat h) R_{r,s} - \ln\tilde\tau)^2}

    q = \tanh(p_q + (\textstyle\sum r \hat h) R_q),\quad \hat h' = \hat h + s\,(q - \hat h)

The sums and the softmax run over the M scales.

Shapes: p (B, 3·H) is x's part of the gates r, s, q with the biases; R_rs (H, 2·H), R_q (H, H); ĥ
(B, H·M), inside (B, H, M); ln τ̃ (M); Δt () or (B, 1).

Held to the float64 reference by the conformance kit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ncps_keras.backends import xp
from ncps_keras.kernels._scan import Arrays


@dataclass(frozen=True)
class CTGRUStep:
    """``at_t`` is p, and Δt if `timed`; ``weights`` R_rs, R_q, ln τ̃, and Δt if not."""

    units: int
    scales: int
    timed: bool
    clip: float | None

    def __call__(self, weights: Any, at_t: Arrays, states: Arrays) -> Arrays:
        """The new ĥ."""
        R_rs, R_q, log_tau, dt = weights
        p, dt = at_t[0], at_t[1][..., None] if self.timed else dt
        memories = xp.reshape(states[0], (-1, self.units, self.scales))
        memories = memories * xp.exp(-dt * xp.exp(-log_tau))
        p_rs, p_q = xp.parts(p, (2 * self.units, self.units))
        wanted_r, wanted_s = xp.split(xp.addmm(p_rs, xp.total(memories), R_rs), 2)
        r, s = choice(wanted_r, log_tau), choice(wanted_s, log_tau)
        q = xp.tanh(xp.addmm(p_q, xp.total(r * memories), R_q))
        memories = memories + s * (q[..., None] - memories)
        if self.clip is not None:
            memories = xp.clip(memories, -self.clip, self.clip)
        return [xp.reshape(memories, (-1, self.units * self.scales))]


def choice(wanted: Any, log_tau: Any) -> Any:
    """The weight (B, H, M) of each scale for the wanted ln τ (B, H)."""
    away = wanted[..., None] - log_tau
    return xp.softmax(-away * away)
