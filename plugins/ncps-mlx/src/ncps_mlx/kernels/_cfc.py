r"""One step of a CfC, once the input's projection is known.

.. math::
    u_0 = p + h U,\quad u_{i+1} = \phi(u_i) W_i + b_i,\quad h' = \mathrm{update}(u_n, \Delta t)

Shapes: p (B, K) is x's part of the first affine map, with its bias; h (B, H); U (H, K); the last
u (B, n·H) holds the heads f, g, a, b side by side; Δt (B, 1).

Held to the equation as written by `test_kernels.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import mlx.core as mx

from ncps_mlx.kernels._activations import Activation

Affine = tuple[mx.array, mx.array]


def heads(
    phi: Activation, rest: Sequence[Affine], drops: Sequence[mx.array], u: mx.array
) -> mx.array:
    """The heads (B, n·H) for u_0; `rest` is (W_1, b_1), …; `drops` scale each φ, or are absent."""
    for i, (W, b) in enumerate(rest):
        z = phi(u) * drops[i] if drops else phi(u)
        u = mx.addmm(b, z, W)
    return u


def gated(u: mx.array, dt: mx.array | None, interpolate: bool, linear: bool = False) -> mx.array:
    """Modes default and no_gate; without `dt` the two time heads have become one, a·Δt + b.

    With `linear` f and g have no tanh.
    """
    if dt is None:
        f, g, time = mx.split(u, 3, axis=-1)
    else:
        f, g, a, b = mx.split(u, 4, axis=-1)
        time = a * dt + b
    s = mx.sigmoid(time)
    F, G = (f, g) if linear else (mx.tanh(f), mx.tanh(g))
    return F + s * (G - F) if interpolate else F + s * G


def pure(f: mx.array, dt: mx.array, w_tau: mx.array, A: mx.array) -> mx.array:
    """Mode pure: A − A·exp(−Δt(|w|+|f|))·f."""
    return A - A * mx.exp(-dt * (mx.abs(w_tau) + mx.abs(f))) * f
