r"""A CTRNN over a sequence, as its equation says, for autograd.

.. math:: h \leftarrow \frac{h + \delta\,\phi(p + h R)}{1 + \delta\, e^{-\theta}},\quad
    \delta = \Delta t / N,\quad p = x W + b

N times for every step.

Shapes, time first: p (T, B, H); R (H, H); θ (H); h (B, H); Δt () for all steps, or (T, B, 1).

Held to the float64 reference by the conformance kit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ncps_torch.kernels._activations import Activation
from ncps_torch.kernels._times import each_step


def ctrnn_plain(
    phi: Activation,
    unfolds: int,
    p: Tensor,
    h: Tensor,
    weights: tuple[Tensor, Tensor],
    dt: Tensor,
) -> Tensor:
    """The states h (T, B, H) after every step; weights are R and θ."""
    R, log_tau = weights
    delta = dt / unfolds
    decay = 1.0 + delta * torch.exp(-log_tau)
    if not dt.dim():
        decay = decay.expand(p.shape[0], -1)
    history = []
    for p_t, delta_t, decay_t in zip(
        p.unbind(0), each_step(delta, p), decay.unbind(0), strict=True
    ):
        for _ in range(unfolds):
            h = (h + delta_t * phi(torch.addmm(p_t, h, R))) / decay_t
        history.append(h)
    return torch.stack(history)
