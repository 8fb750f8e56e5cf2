r"""One step of a CfC, once the input's projection is known.

.. math::
    u_0 = p + h U,\quad z_i = \phi(u_i),\quad u_{i+1} = z_i W_i + b_i,\quad h' = \mathrm{update}(u_n)

Shapes: p (B, K) is x's part of the first affine map, with its bias; U (H, K); the last u (B, n·H)
holds the heads side by side; Δt (B, 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import mlx.core as mx

from ncps_mlx.kernels._activations import Activation

Arrays = Sequence[mx.array]


def heads(phi: Activation, affines: Arrays, p: mx.array, h: mx.array, drops: Arrays) -> mx.array:
    """The heads (B, n·H); `affines` is (U, W_1, b_1, …); `drops` scale each φ, or are absent."""
    u = mx.addmm(p, h, affines[0])
    for i in range(len(affines) // 2):
        z = phi(u)
        if drops:
            z = z * drops[i]
        u = mx.addmm(affines[2 * i + 2], z, affines[2 * i + 1])
    return u


def gated(u: mx.array, dt: mx.array | None, interpolate: bool) -> mx.array:
    """Modes default and no_gate; without `dt` the two time heads are already one."""
    if dt is None:
        f, g, time = mx.split(u, 3, axis=-1)
    else:
        f, g, a, b = mx.split(u, 4, axis=-1)
        time = a * dt + b
    F, G, s = mx.tanh(f), mx.tanh(g), mx.sigmoid(time)
    return F + s * (G - F) if interpolate else F + s * G


def pure(f: mx.array, dt: mx.array, w_tau: mx.array, A: mx.array) -> mx.array:
    """Mode pure: A − A·exp(−Δt(|w|+|f|))·f."""
    return A - A * mx.exp(-dt * (mx.abs(w_tau) + mx.abs(f))) * f
