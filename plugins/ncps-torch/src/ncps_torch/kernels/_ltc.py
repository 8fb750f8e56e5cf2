r"""An LTC over a sequence, as its equation says, for autograd.

.. math::
    d_j = \sum_i w_{ij}\, s_{ij} E_{ij},\quad q_j = \sum_i w_{ij}\, s_{ij},\quad
    s_{ij} = \sigma(\sigma_{ij} (v_i - \mu_{ij}))

    v' = v + \Delta t\,\frac{d - q v}{c_m N + \Delta t\,q}

N times for every step. Between the two formulas d grows by g·v_l, q by g + ε, and both by what the
inputs give, which is computed for all steps before the loop.

Shapes, time first: v (…, I); w, σ, μ, E (I, H); d, q (…, H); c_m N (H,); Δt () for all steps, or
(T, B, 1).

Held to the float64 reference by the conformance kit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ncps_torch.kernels._lstm import lstm_step
from ncps_torch.kernels._times import each_step


@dataclass(frozen=True)
class Synapses:
    """A table of synapses; w is not negative, and 0 where there is none."""

    w: Tensor
    sigma: Tensor
    mu: Tensor
    erev: Tensor

    def __call__(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """Drive d and conductance q for the sources' potentials v."""
        ws = self.w * torch.sigmoid(self.sigma * (v[..., None] - self.mu))
        return (ws * self.erev).sum(-2), ws.sum(-2)


@dataclass(frozen=True)
class Circuit:
    """An LTC as tensors that are ready for a loop: g and c = c_m·N are positive."""

    sensory: Synapses
    inner: Synapses
    g: Tensor
    vleak: Tensor
    c: Tensor
    unfolds: int
    epsilon: float

    def given(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Drive and conductance (T, B, H) of the mapped inputs u (T, B, D) and of the leak."""
        d, q = self.sensory(u)
        return d + self.g * self.vleak, q + self.g + self.epsilon

    def step(self, v: Tensor, d: Tensor, q: Tensor, dt: Tensor) -> Tensor:
        """The v (B, H) after one step, in which d and q are held fixed."""
        for _ in range(self.unfolds):
            drive, conductance = self.inner(v)
            v = ltc_unfold(v, d + drive, q + conductance, self.c, dt)
        return v


def ltc_unfold(v: Tensor, d: Tensor, q: Tensor, c: Tensor, dt: Tensor) -> Tensor:
    """The v after one of the N steps, written so that Δt = 0 leaves it as it is."""
    denominator = c + dt * q
    # it is 0 only where the increment is: without capacity, and without time or conductance
    denominator = torch.where(denominator == 0, torch.ones_like(denominator), denominator)
    return v + dt * (d - q * v) / denominator


def ltc_plain(
    circuit: Circuit,
    u: Tensor,
    states: Sequence[Tensor],
    dt: Tensor,
    memory: tuple[Tensor, Tensor] | None,
    forget_offset: float,
) -> tuple[Tensor, ...]:
    """The states after every step of u (T, B, D): v, and c of the memory.

    `memory` has what x gives to the gates (T, B, 4·H), and R (H, 4·H).
    """
    d, q = circuit.given(u)
    gates = (None,) * len(u) if memory is None else memory[0].unbind(0)
    v, *rest = states
    history = []
    for d_t, q_t, dt_t, p_t in zip(d.unbind(0), q.unbind(0), each_step(dt, u), gates, strict=True):
        if memory is not None and p_t is not None:
            v, *rest = lstm_step(p_t, v, rest[0], memory[1], forget_offset)
        v = circuit.step(v, d_t, q_t, dt_t)
        history.append((v, *rest))
    return tuple(torch.stack(one) for one in zip(*history, strict=True))


def clip(z: Tensor) -> Tensor:
    """max(z, 0) with slope 1 at 0, so that a weight clipped to 0 can grow again."""
    return torch.where(z < 0, torch.zeros_like(z), z)


def softplus(z: Tensor) -> Tensor:
    """log(1 + e^z)."""
    return torch.logaddexp(z, torch.zeros_like(z))
