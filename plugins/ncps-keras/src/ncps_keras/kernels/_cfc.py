r"""One step of a CfC, once the input's projection is known.

.. math::
    u_0 = p + h U,\quad u_{i+1} = d_i\,\phi(u_i) W_i + b_i,\quad h' = \mathrm{update}(u_n, \Delta t)

Shapes: p (B, K) is x's part of the first affine map, with its bias; h (B, H); U (H, K); the last u
(B, n·H) holds the heads f, g, a, b side by side, or f, g and one time head when Δt has been merged
into it, or f in mode pure; Δt (B, 1), or () in mode pure; dropout factors d_i (B, K), or none.

Held to the equations as written by the conformance kit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ncps_keras.backends import xp
from ncps_keras.kernels._activations import ACTIVATIONS
from ncps_keras.kernels._lstm import LSTMStep
from ncps_keras.kernels._scan import Arrays


@dataclass(frozen=True)
class CfCStep:
    """``at_t`` is p, Δt if `timed`, and d_i if `dropped`.

    ``weights`` are U, ((W_1, b_1), …), and in mode pure (w_tau, A, Δt of all steps).
    """

    mode: str
    phi: str
    timed: bool
    dropped: bool = False

    def __call__(self, weights: Any, at_t: Arrays, states: Arrays) -> Arrays:
        """The new h."""
        (h,) = states
        u = xp.addmm(at_t[0], h, weights[0])
        drops = at_t[2 if self.timed else 1 :] if self.dropped else ()
        return [self.update(weights, u, at_t[1] if self.timed else None, drops)]

    def update(self, weights: Any, u: Any, dt: Any, drops: Arrays) -> Any:
        """The new h from u_0."""
        _, rest, tau = weights
        phi = ACTIVATIONS[self.phi]
        for i, (W, b) in enumerate(rest):
            z = phi(u) * drops[i] if drops else phi(u)
            u = xp.addmm(b, z, W)
        if self.mode == "pure":
            w_tau, A, one = tau
            return _pure(u, one if dt is None else dt, w_tau, A)
        return _gated(u, dt, interpolate=self.mode == "default")


@dataclass(frozen=True)
class CfCMemoryStep:
    """A stack of cells behind an LSTM cell that sees all of h.

    ``at_t`` is the memory's p, then that of the first cell with what follows it; ``weights`` are
    R, and for each cell its weights and the (W, b) that project the output of the cell before.
    """

    cells: tuple[CfCStep, ...]
    sizes: tuple[int, ...]

    def __call__(self, weights: Any, at_t: Arrays, states: Arrays) -> Arrays:
        """The new h and c."""
        R, cells = weights
        memory, p, *rest = at_t
        h, c = LSTMStep()(R, [memory], states)
        own = xp.parts(h, self.sizes)
        new: list[Any] = list(self.cells[0](cells[0][0], [p, *rest], [own[0]]))
        for step, (inner, (W, b)), h in zip(self.cells[1:], cells[1:], own[1:], strict=True):
            p = xp.affine(new[-1], W, b)
            new += step(inner, [p, *rest[: int(step.timed)]], [h])
        return [new[0] if len(new) == 1 else xp.concat(new), c]


def _gated(u: Any, dt: Any, interpolate: bool) -> Any:
    """Modes default and no_gate."""
    if dt is None:
        f, g, time = xp.split(u, 3)
    else:
        f, g, a, b = xp.split(u, 4)
        time = a * dt + b
    F, G, s = xp.tanh(f), xp.tanh(g), xp.sigmoid(time)
    return F + s * (G - F) if interpolate else F + s * G


def _pure(f: Any, dt: Any, w_tau: Any, A: Any) -> Any:
    """A − A·exp(−Δt(|w|+|f|))·f."""
    return A - A * xp.exp(-dt * (xp.absolute(w_tau) + xp.absolute(f))) * f
