"""CTRNN over a sequence: the input's projection for all steps at once, then the loop."""

from __future__ import annotations

import mlx.core as mx

from ncps.ode import SEMI_IMPLICIT
from ncps_mlx.kernels import Activation, Arrays, ctrnn_unfold, scan
from ncps_mlx.ops._gated import Weights
from ncps_mlx.ops._lstm import project
from ncps_mlx.ops._solvers import Pair, solver_of
from ncps_mlx.ops._times import each_step


def ctrnn(
    phi: Activation,
    weights: Weights,
    log_tau: mx.array,
    how: tuple[str, int],
    x: mx.array,
    h: mx.array,
    dt: mx.array | None,
) -> list[mx.array]:
    """The states (B, T, H) after every step of x (B, T, D); weights are Wx, Wh, bias.

    `how` names the solver and the number of its steps.
    """
    Wx, Wh, bias = weights
    R, rate = Wh.T, mx.exp(-log_tau)
    times, one = each_step(dt, x)
    solver, unfolds = how

    def fused(at_t: Arrays, states: Arrays) -> Arrays:
        p, *elapsed = at_t
        delta = (elapsed[0] if elapsed else one) / unfolds
        decay = 1.0 + delta * rate
        (h,) = states
        for _ in range(unfolds):
            h = ctrnn_unfold(phi, p, h, R, delta, decay)
        return [h]

    def solved(at_t: Arrays, states: Arrays) -> Arrays:
        p, *elapsed = at_t

        def equation(t: mx.array, h: mx.array) -> Pair:
            return phi(mx.addmm(p, h, R)), rate

        solve = solver_of(solver, unfolds)
        return [solve(equation, states[0], elapsed[0] if elapsed else one)]

    step = fused if solver == SEMI_IMPLICIT else solved
    return scan(step, [project(x, Wx, bias), *times], [h])
