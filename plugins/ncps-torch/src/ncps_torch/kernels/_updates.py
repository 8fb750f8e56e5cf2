r"""The last operations of a CfC's step and their slopes, for the hand-written scan.

With heads u = (f, g, …) each update overwrites u by what its slopes need:

    gated   u = (f, g, τ)     → (F, G, s) = (tanh f, tanh g, σ(τ))
    timed   u = (f, g, b, a)  → (F, G, s, a), s = σ(aΔt + b)
    pure    u = f             → f

and h' = F + s(G − F), or F + sG in mode no_gate, or A − A·exp(−Δt(|w|+|f|))·f. A logistic update
takes 2f and 2g, keeps (F + 1)/2 = σ(2f) and (G + 1)/2, and gives h'/2. Shapes: u
(C, B, n·H) for a chunk of C steps, or (B, n·H) for one; Δt (C, B, 1). `slopes` gives the slope
(C, B, n·H) of what the update gives by what it takes, in bulk; `finish` the gradients of Δt and
(w, A) from ∂L/∂h' and ∂L/∂u.

Held to the plain twin by `test_cfc_scan.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ncps_torch.kernels._activations import half

Taus = tuple[Tensor, ...]
# for each step u, and the parts of it that the step works on
Rows = list[tuple[Tensor, ...]]


class Gradients(NamedTuple):
    """What an update adds to the gradients of Δt (C, B, 1) and of w_tau, A (H)."""

    dt: Tensor
    tau: tuple[Tensor, ...]


class Update(NamedTuple):
    """One of the three, bound to its mode."""

    heads: int
    rows: Callable[[Tensor], Rows]
    step: Callable[..., None]
    slopes: Callable[..., None]
    finish: Callable[..., Gradients] | None


def update_of(mode: str, timed: bool, logistic: bool) -> Update:
    """The update for a mode, with Δt merged into the weights or not."""
    if mode == "pure":
        return Update(1, _rows_pure, _step_pure, _slopes_pure, _finish_pure)
    lerp = mode == "default"
    step = _STEPS[lerp, logistic]
    slopes = partial(_slopes_timed if timed else _slopes_gated, lerp, logistic)
    if timed:
        return Update(4, _rows_timed, partial(_step_timed, step), slopes, _finish_timed)
    return Update(3, _rows_gated, step, slopes, None)


def _rows_gated(u: Tensor) -> Rows:
    return _rows(u, *u.chunk(3, dim=-1))


def _rows(*parts: Tensor) -> Rows:
    return list(zip(*(part.unbind(0) for part in parts), strict=True))


def _step_tanh(row: tuple[Tensor, ...], h: Tensor, dt: Tensor | None, tau: Taus) -> None:
    _, F, G, s = row
    torch.lerp(F.tanh_(), G.tanh_(), s.sigmoid_(), out=h)


def _step_tanh_no_gate(row: tuple[Tensor, ...], h: Tensor, dt: Tensor | None, tau: Taus) -> None:
    _, F, G, s = row
    torch.addcmul(F.tanh_(), s.sigmoid_(), G.tanh_(), out=h)


def _step_logistic(row: tuple[Tensor, ...], h: Tensor, dt: Tensor | None, tau: Taus) -> None:
    u, F, G, s = row
    u.sigmoid_()
    torch.lerp(F, G, s, out=h).sub_(half(h))


def _step_logistic_no_gate(
    row: tuple[Tensor, ...], h: Tensor, dt: Tensor | None, tau: Taus
) -> None:
    u, F, G, s = row
    u.sigmoid_()
    # F/2 + s G/2 = σ(2f) − ½ + s(σ(2g) − ½)
    torch.addcmul(F, s, G.sub(half(G)), out=h).sub_(half(h))


_STEPS = {
    (True, False): _step_tanh,
    (False, False): _step_tanh_no_gate,
    (True, True): _step_logistic,
    (False, True): _step_logistic_no_gate,
}


def _rows_timed(u: Tensor) -> Rows:
    parts = u.chunk(4, dim=-1)
    return _rows(u, u[..., : 3 * parts[0].shape[-1]], *parts)


def _step_timed(
    step: Callable[..., None], row: tuple[Tensor, ...], h: Tensor, dt: Tensor, tau: Taus
) -> None:
    _, *gated, s, a = row
    s.addcmul_(a, dt)
    step((*gated, s), h, dt, tau)


def _slopes_gated(
    lerp: bool, logistic: bool, u: Tensor, dt: Tensor | None, tau: Taus, out: Tensor
) -> None:
    F, G, s = u.chunk(3, dim=-1)
    dF, dG, ds = out.chunk(3, dim=-1)
    _gate_slopes((F, G, s), (dF, dG, ds), lerp, logistic)


def _slopes_timed(
    lerp: bool, logistic: bool, u: Tensor, dt: Tensor, tau: Taus, out: Tensor
) -> None:
    F, G, s, _ = u.chunk(4, dim=-1)
    dF, dG, ds, da = out.chunk(4, dim=-1)
    _gate_slopes((F, G, s), (dF, dG, ds), lerp, logistic)
    torch.mul(ds, dt, out=da)


def _gate_slopes(
    values: tuple[Tensor, Tensor, Tensor],
    out: tuple[Tensor, Tensor, Tensor],
    interpolate: bool,
    logistic: bool,
) -> None:
    F, G, s = values
    dF, dG, ds = out
    # each gives its first argument times the slope at what its second one is the value of
    by_sigmoid = torch.ops.aten.sigmoid_backward.grad_input
    by_head = by_sigmoid if logistic else torch.ops.aten.tanh_backward.grad_input
    one = F.new_ones(())
    by_head(s, G, grad_input=dG)
    if interpolate:
        by_head(torch.sub(one, s, out=dF), F, grad_input=dF)
        by_sigmoid(torch.sub(G, F, out=ds), s, grad_input=ds)
    else:
        by_head(one.expand_as(F), F, grad_input=dF)
        by_sigmoid(G - 0.5 if logistic else G, s, grad_input=ds)


def _finish_timed(u: Tensor, du: Tensor, dh: Tensor, dt: Tensor | None, tau: Taus) -> Gradients:
    a, db = u.chunk(4, dim=-1)[3], du.chunk(4, dim=-1)[2]
    return Gradients((a * db).sum(-1, keepdim=True), ())


def _rows_pure(u: Tensor) -> Rows:
    return _rows(u)


def _step_pure(row: tuple[Tensor, ...], h: Tensor, dt: Tensor, tau: Taus) -> None:
    (f,) = row
    w, A = tau
    torch.addcmul(A, A, _decay(f, dt, w).mul_(f), value=-1, out=h)


def _decay(f: Tensor, dt: Tensor, w: Tensor) -> Tensor:
    """exp(−Δt(|w|+|f|))."""
    return f.abs().add_(w.abs()).mul_(dt).neg_().exp_()


def _slopes_pure(u: Tensor, dt: Tensor, tau: Taus, out: Tensor) -> None:
    w, A = tau
    torch.mul(u.abs(), dt, out=out)
    out.sub_(1).mul_(_decay(u, dt, w)).mul_(A)


def _finish_pure(u: Tensor, du: Tensor, dh: Tensor, dt: Tensor, tau: Taus) -> Gradients:
    w, A = tau
    E = _decay(u, dt, w)
    # ∂h'/∂x = A·E·f·∂(Δt(|w|+|f|))/∂x for x = w, Δt
    by_exponent = dh * A * E * u
    by_w = (by_exponent * dt).sum((0, 1)) * w.sign()
    by_A = (dh * (1 - E * u)).sum((0, 1))
    by_dt = (by_exponent * (w.abs() + u.abs())).sum(-1, keepdim=True)
    return Gradients(by_dt, (by_w, by_A))
