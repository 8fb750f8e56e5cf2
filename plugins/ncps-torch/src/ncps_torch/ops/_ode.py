"""LTC and CTRNN over a sequence: what the inputs give is computed for all steps at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from ncps_torch.kernels import Activation, Circuit, clip, ctrnn_plain, ltc_plain, softplus

Positive = Callable[[Tensor], Tensor]

# ncps 1.0.1 adds 1 to the forget gate's bias
FORGET_OFFSET = 1.0


def positive(implicit: bool) -> Positive:
    """How an LTC reads the parameters that must not be negative."""
    return softplus if implicit else clip


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


def ltc(
    circuit: Circuit,
    memory: tuple[Tensor, Tensor, Tensor] | None,
    inputs: tuple[Tensor, Tensor],
    states: Sequence[Tensor],
    dt: Tensor | None,
) -> tuple[Tensor, ...]:
    """The states after every step of `inputs`, x and mapped u (T, B, D): v, and c of the memory."""
    x, u = inputs
    gates = None
    if memory is not None:
        W, R, b = memory
        gates = x @ W.t() + b, R.t()
    return ltc_plain(circuit, u, states, _time_first(dt, x), gates, FORGET_OFFSET)


def _time_first(dt: Tensor | None, x: Tensor) -> Tensor:
    """Δt () for all steps, or (T, B, 1)."""
    if dt is None:
        return x.new_ones(())
    return dt.t()[..., None] if dt.dim() else dt
