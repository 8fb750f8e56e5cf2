r"""An LTC over a sequence, as its equation says: the plain twin of `_synapse_sums` and `_ltc_scan`.

.. math::
    d_j = \sum_i w_{ij}\, s_{ij} E_{ij},\quad q_j = \sum_i w_{ij}\, s_{ij},\quad
    s_{ij} = \sigma(\sigma_{ij} (v_i - \mu_{ij}))

    v' = v + \Delta t\,\frac{d - q v}{c_m N + \Delta t\,q}

N times for every step. Between the two formulas d grows by g·v_l, q by g + ε, and both by what the
inputs give, which is computed for all steps before the loop.

Shapes, time first: v (…, I); w, σ, μ, E (I, H); d, q (…, H); c = c_m N (H,); Δt () for all steps,
or (T, B, 1).

Held to the float64 reference by the conformance kit.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ncps_torch.kernels._times import each_step


class Synapses(NamedTuple):
    """A table of synapses; w is not negative, and 0 where there is none."""

    w: Tensor
    sigma: Tensor
    mu: Tensor
    erev: Tensor

    def __call__(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """Drive d and conductance q for the sources' potentials v."""
        ws = self.w * torch.sigmoid(self.sigma * (v[..., None] - self.mu))
        return (ws * self.erev).sum(-2), ws.sum(-2)


def ltc_plain(
    synapses: Synapses,
    unfolds: int,
    given: tuple[Tensor, Tensor],
    v: Tensor,
    c: Tensor,
    dt: Tensor,
) -> Tensor:
    """The v (T, B, H) after every step, in which the d and q that are `given` are held fixed."""
    d, q = given
    history = []
    for d_t, q_t, dt_t in zip(d.unbind(0), q.unbind(0), each_step(dt, d), strict=True):
        for _ in range(unfolds):
            drive, conductance = synapses(v)
            v = ltc_unfold(v, d_t + drive, q_t + conductance, c, dt_t)
        history.append(v)
    return torch.stack(history)


def ltc_unfold(v: Tensor, d: Tensor, q: Tensor, c: Tensor, dt: Tensor) -> Tensor:
    """The v after one of the N steps, written so that Δt = 0 leaves it as it is."""
    denominator = c + dt * q
    # it is 0 only where the increment is: without capacity, and without time or conductance
    denominator = torch.where(denominator == 0, torch.ones_like(denominator), denominator)
    return v + dt * (d - q * v) / denominator


def clip(z: Tensor) -> Tensor:
    """max(z, 0) with slope 1 at 0, so that a weight clipped to 0 can grow again."""
    return torch.where(z < 0, torch.zeros_like(z), z)


def softplus(z: Tensor) -> Tensor:
    """log(1 + e^z)."""
    return torch.logaddexp(z, torch.zeros_like(z))
