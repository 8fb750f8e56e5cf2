"""The equations of liquid layers, one step each, on the arrays of any framework."""

from __future__ import annotations

import math
from typing import Any

from ncps.dynamics._functions import functions_of
from ncps.ode import fixed


class LiquidCompute:
    """Single steps, for models that are put together by hand; gradients are the framework's own.

    Shapes broadcast: states and gates (B, H), parameters (H,), Δt a number, () or (B, 1).
    """

    @staticmethod
    def cfc(f: Any, g: Any, a: Any, b: Any, dt: Any) -> Any:
        r"""h' = (1 − s)·tanh f + s·tanh g with s = σ(a·Δt + b), the heads of a CfC's network.

        Source: Hasani et al. 2022, arXiv:2106.13898, eq. 10; sign convention of ncps 1.0.1.
        """
        xp = functions_of(f)
        F, G, s = xp.tanh(f), xp.tanh(g), xp.sigmoid(a * dt + b)
        return F + s * (G - F)

    @staticmethod
    def synapses(v: Any, w: Any, mu: Any, sigma: Any, erev: Any) -> tuple[Any, Any]:
        """Drive Σ w s E and conductance Σ w s of potentials (B, I), s = σ(σ(v − μ)); both (B, H).

        w, μ, σ and E are (I, H); w is not negative, and 0 where there is no synapse.
        """
        xp = functions_of(v)
        ws = w * xp.sigmoid(sigma * (v[..., None] - mu))
        return xp.sum(ws * erev, -2), xp.sum(ws, -2)

    @staticmethod
    def ltc(v: Any, drive: Any, conductance: Any, cm: Any, dt: Any) -> Any:
        """One semi-implicit step of c_m dv/dt = drive − conductance·v.

        Source: Hasani et al. 2021, arXiv:2006.04439, algorithm 1.
        """
        return fixed("semi_implicit", lambda t, v: (drive / cm, conductance / cm), v, dt, 1)

    @staticmethod
    def ctrnn(h: Any, drive: Any, tau: Any, dt: Any) -> Any:
        """One semi-implicit step of dh/dt = drive − h/τ; the drive is φ(x W + h R + b)."""
        return fixed("semi_implicit", lambda t, h: (drive, 1 / tau), h, dt, 1)

    @staticmethod
    def decay(h: Any, tau: Any, dt: Any) -> Any:
        """h·exp(−Δt/τ): what a memory without input becomes, as in a CTGRU."""
        rate = dt / tau
        fade = math.exp(-rate) if isinstance(rate, float) else functions_of(rate).exp(-rate)
        return h * fade
