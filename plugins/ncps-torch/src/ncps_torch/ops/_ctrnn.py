"""CTRNN over a sequence: what the inputs give is computed for all steps at once."""

from __future__ import annotations

from torch import Tensor

from ncps.ode import SEMI_IMPLICIT
from ncps_torch.kernels import Activation, ctrnn_plain, ctrnn_solved
from ncps_torch.ops._solvers import solver_of


def ctrnn(
    phi: Activation,
    how: tuple[str, int],
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
    x: Tensor,
    h: Tensor,
    dt: Tensor | None,
) -> Tensor:
    """The states h (T, B, H) after every step of x (T, B, D); weights W, R, b, θ.

    `how` names the solver and the number of its steps.
    """
    W, R, b, log_tau = weights
    p, time = x @ W + b, _time_first(dt, x)
    solver, unfolds = how
    if solver == SEMI_IMPLICIT:
        return ctrnn_plain(phi, unfolds, p, h, (R, log_tau), time)
    return ctrnn_solved(solver_of(solver, unfolds), phi, p, h, (R, log_tau), time)


def _time_first(dt: Tensor | None, x: Tensor) -> Tensor:
    """Δt () for all steps, or (T, B, 1)."""
    if dt is None:
        return x.new_ones(())
    return dt.t()[..., None] if dt.dim() else dt
