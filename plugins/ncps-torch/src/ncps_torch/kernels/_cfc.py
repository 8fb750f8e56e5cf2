r"""A CfC over a sequence, as its equation says: the plain twin of `_cfc_scan`.

.. math::
    u_0 = x W_0 + h U + b_0,\quad u_{i+1} = d_i\,\phi(u_i) W_i + b_i,\quad
    h' = \mathrm{update}(u_n, \Delta t)

Shapes, time first: x (T, B, D); W_0 (D, K), U (H, K), b_0 (K); h (B, H); Δt (T, B, 1); dropout
factors d_i (T, B, K). The last u (B, n·H) holds the heads side by side: f in mode pure; f, g and
one time head when Δt has been merged into it; f, g, b, a else. `linear`, which `_cfc_scan` does
not have, leaves tanh out: the dialect of ncps 1.0.1 for Keras.

Every operation is a differentiable one: this runs under torch.func, export and double backward.
Held to the float64 reference by the conformance kit.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ncps_torch.kernels._activations import ACTIVATIONS

Affine = tuple[Tensor, Tensor]


class Plan(NamedTuple):
    """What the tensors mean: mode, activation, and how many of each there are.

    With `linear` the heads f and g have no tanh.
    """

    mode: str
    phi: str
    layers: int
    timed: bool
    dropped: bool
    linear: bool = False


class Arguments(NamedTuple):
    """The tensors of one scan; `rest` are the (W_i, b_i) after the first, `tau` (w_tau, A)."""

    x: Tensor
    h: Tensor
    dt: Tensor | None
    W: Tensor
    U: Tensor
    b: Tensor
    rest: tuple[Affine, ...]
    tau: tuple[Tensor, ...]
    drops: tuple[Tensor, ...]

    def flat(self) -> tuple[Tensor | None, ...]:
        """The tensors in a row; `unflatten` puts them back."""
        rest = (t for affine in self.rest for t in affine)
        return (*self[:6], *rest, *self.tau, *self.drops)


def unflatten(plan: Plan, flat: tuple[Tensor | None, ...]) -> Arguments:
    """The arguments of which `flat` is the row."""
    tensors: list[Tensor] = list(flat[6:])  # type: ignore[arg-type]
    end = 2 * plan.layers
    rest = tuple(zip(tensors[:end:2], tensors[1:end:2], strict=True))
    taus = 2 if plan.mode == "pure" else 0
    tau, drops = tuple(tensors[end : end + taus]), tuple(tensors[end + taus :])
    x, h, dt, W, U, b = flat[:6]
    return Arguments(x, h, dt, W, U, b, rest, tau, drops)  # type: ignore[arg-type]


def plan_of(mode: str, phi: str, a: Arguments, linear: bool = False) -> Plan:
    """The plan of these arguments."""
    return Plan(mode, phi, len(a.rest), a.dt is not None, bool(a.drops), linear)


def cfc_plain(plan: Plan, a: Arguments) -> Tensor:
    """The states (T, B, H) after every step."""
    p = a.x @ a.W + a.b
    times = [None] * p.shape[0] if a.dt is None else a.dt.unbind(0)
    drops = [d.unbind(0) for d in a.drops]
    h, states = a.h, []
    for t, (p_t, dt) in enumerate(zip(p.unbind(0), times, strict=True)):
        h = cfc_step(plan, a, torch.addmm(p_t, h, a.U), dt, [d[t] for d in drops])
        states.append(h)
    return torch.stack(states)


def cfc_step(plan: Plan, a: Arguments, u: Tensor, dt: Tensor | None, drops: list[Tensor]) -> Tensor:
    """The new h (B, H) from u_0."""
    phi = ACTIVATIONS[plan.phi]
    for i, (W, b) in enumerate(a.rest):
        z = phi(u) * drops[i] if drops else phi(u)
        u = torch.addmm(b, z, W)
    if plan.mode == "pure":
        assert dt is not None, "mode pure always has a Δt"
        return _pure(u, dt, *a.tau)
    return _gated(u, dt, interpolate=plan.mode == "default", linear=plan.linear)


def _gated(u: Tensor, dt: Tensor | None, interpolate: bool, linear: bool) -> Tensor:
    """Modes default and no_gate."""
    if dt is None:
        f, g, time = u.chunk(3, dim=-1)
    else:
        f, g, b, a = u.chunk(4, dim=-1)
        time = a * dt + b
    s = torch.sigmoid(time)
    F, G = (f, g) if linear else (torch.tanh(f), torch.tanh(g))
    # lerp is F + s(G − F)
    return torch.lerp(F, G, s) if interpolate else torch.addcmul(F, s, G)


def _pure(f: Tensor, dt: Tensor, w_tau: Tensor, A: Tensor) -> Tensor:
    """A − A·exp(−Δt(|w|+|f|))·f."""
    return A - A * torch.exp(-dt * (w_tau.abs() + f.abs())) * f
