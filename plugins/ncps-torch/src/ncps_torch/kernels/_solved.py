r"""LTC and CTRNN over a sequence by a solver, for autograd; the sums over synapses are `_ltc`'s.

.. math::
    \frac{dv}{dt} = \frac{d - q v}{c_m},\qquad
    \frac{dh}{dt} = \phi(p + h R) - e^{-\theta} h

solved over Δt at every step, with what the inputs give held fixed.

Shapes, time first: d, q, p (T, B, H); v, h (B, H); c_m, θ (H); R (H, H); Δt () for all steps, or
(T, B, 1).

Held to the float64 reference by the conformance kit.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ncps_torch.kernels._activations import Activation
from ncps_torch.kernels._ltc import Synapses
from ncps_torch.kernels._times import each_step

Pair = tuple[Tensor, Tensor]
# the state after Δt, for an equation that gives a and b of dy/dt = a − b·y
Solve = Callable[[Callable[[Tensor, Tensor], Pair], Tensor, Tensor], Tensor]


def ltc_solved(
    solve: Solve, synapses: Synapses, given: Pair, v: Tensor, cm: Tensor, dt: Tensor
) -> Tensor:
    """The v (T, B, H) after every step, in which the d and q that are `given` are held fixed."""
    d, q = given
    history = []
    for d_t, q_t, dt_t in zip(d.unbind(0), q.unbind(0), each_step(dt, d), strict=True):

        def equation(t: Tensor, v: Tensor, d_t: Tensor = d_t, q_t: Tensor = q_t) -> Pair:
            drive, conductance = synapses(v)
            return (d_t + drive) / cm, (q_t + conductance) / cm

        v = solve(equation, v, dt_t)
        history.append(v)
    return torch.stack(history)


def ctrnn_solved(
    solve: Solve, phi: Activation, p: Tensor, h: Tensor, weights: Pair, dt: Tensor
) -> Tensor:
    """The states h (T, B, H) after every step; weights are R and θ."""
    R, rate = weights[0], torch.exp(-weights[1])
    history = []
    for p_t, dt_t in zip(p.unbind(0), each_step(dt, p), strict=True):

        def equation(t: Tensor, h: Tensor, p_t: Tensor = p_t) -> Pair:
            return phi(torch.addmm(p_t, h, R)), rate

        h = solve(equation, h, dt_t)
        history.append(h)
    return torch.stack(history)
