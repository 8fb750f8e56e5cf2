"""CTRNN over a sequence: what the inputs give is computed for all steps at once."""

from __future__ import annotations

from torch import Tensor

from ncps_torch.kernels import Activation, ctrnn_plain


def ctrnn(
    phi: Activation,
    unfolds: int,
    weights: tuple[Tensor, Tensor, Tensor, Tensor],
    x: Tensor,
    h: Tensor,
    dt: Tensor | None,
) -> Tensor:
    """The states h (T, B, H) after every step of x (T, B, D); weights W, R, b, θ."""
    W, R, b, log_tau = weights
    return ctrnn_plain(phi, unfolds, x @ W + b, h, (R, log_tau), _time_first(dt, x))


def _time_first(dt: Tensor | None, x: Tensor) -> Tensor:
    """Δt () for all steps, or (T, B, 1)."""
    if dt is None:
        return x.new_ones(())
    return dt.t()[..., None] if dt.dim() else dt
