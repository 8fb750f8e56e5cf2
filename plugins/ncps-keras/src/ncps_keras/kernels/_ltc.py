r"""The synapses of an LTC, and a step of N semi-implicit ones.

.. math::
    d_j = \sum_k w_{kj}\, s_{kj} E_{kj},\quad q_j = \sum_k w_{kj}\, s_{kj},\quad
    s_{kj} = \sigma(\sigma_{kj} (v_{i(k, j)} - \mu_{kj}))

    v' = v + \Delta t\,\frac{d - q v}{c_m N + \Delta t\,q}

Synapses stand in a table: row k has the k-th synapse into each neuron j, from neuron i(k, j). It
is as long as the most synapses into one neuron; where there are fewer, w is 0. Without i, row k is
neuron k: a table of all. Between the two formulas d grows by g·v_l, q by g + ε, and both by what
the inputs give.

Shapes: v (…, I); i, w, σ, μ, E (K, H); d, q (…, H); c_m N (H,); Δt () or (B, 1).

Held to the equations as written by the conformance kit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ncps_keras.backends import xp
from ncps_keras.kernels._lstm import LSTMStep
from ncps_keras.kernels._scan import Arrays
from ncps_keras.kernels._solved import Solve


class Synapses(NamedTuple):
    """A table of synapses; w is not negative, and 0 where there is none."""

    source: Any
    w: Any
    sigma: Any
    mu: Any
    erev: Any


def sums(synapses: Synapses, v: Any) -> tuple[Any, Any]:
    """Drive d and conductance q for the sources' potentials v."""
    v = v[..., None] if synapses.source is None else xp.take(v, synapses.source)
    ws = synapses.w * xp.sigmoid(synapses.sigma * (v - synapses.mu))
    return xp.add_up(ws * synapses.erev), xp.add_up(ws)


@dataclass(frozen=True)
class LTCStep:
    """``at_t`` is the d and q that are given, the memory's p if `memory`, and Δt if `timed`.

    ``weights`` are the synapses, c_m N, Δt of all steps if not `timed`, and the memory's R.
    A solver other than the semi-implicit one stands in `solve`.
    """

    unfolds: int
    timed: bool
    memory: bool
    solve: Solve | None = None

    def __call__(self, weights: Any, at_t: Arrays, states: Arrays) -> Arrays:
        """The new v, and c of the memory."""
        synapses, c, dt, R = weights
        dt = at_t[-1] if self.timed else dt
        v, *rest = LSTMStep()(R, [at_t[2]], states) if self.memory else states
        if self.solve is not None:
            return [self.solve(self._equation(synapses, at_t, c), v, dt), *rest]
        for _ in range(self.unfolds):
            d, q = sums(synapses, v)
            v = _unfold(v, d + at_t[0], q + at_t[1], c, dt)
        return [v, *rest]

    def _equation(self, synapses: Synapses, at_t: Arrays, c: Any) -> Any:
        """dv/dt as its parts (d / c_m, q / c_m)."""
        cm = c / self.unfolds

        def equation(t: Any, v: Any) -> tuple[Any, Any]:
            d, q = sums(synapses, v)
            return (d + at_t[0]) / cm, (q + at_t[1]) / cm

        return equation


@dataclass(frozen=True)
class LTCOfMemoryStep:
    """As `LTCStep` with a memory, but the neurons read its output, not x, and keep their own v.

    ``at_t`` is the memory's p, and Δt if `timed`; ``weights`` are as there, and (w, b) of the
    input's mapping, None where it has none, the sensory synapses, and the leak's d and q.
    """

    unfolds: int
    timed: bool
    solve: Solve | None = None

    def __call__(self, weights: Any, at_t: Arrays, states: Arrays) -> Arrays:
        """The new v, and c of the memory."""
        (inner, c_m, one, R), mapping, sensory, leak = weights
        u, c = LSTMStep()(R, at_t[:1], states)
        d, q = sums(sensory, mapped(u, mapping))
        step = LTCStep(self.unfolds, self.timed, memory=False, solve=self.solve)
        given = [d + leak[0], q + leak[1], *at_t[1:]]
        return [*step((inner, c_m, one, None), given, states[:1]), c]


def mapped(u: Any, mapping: tuple[Any, Any]) -> Any:
    """u·w + b, without what is None of (w, b)."""
    w, b = mapping
    u = u if w is None else u * w
    return u if b is None else u + b


def _unfold(v: Any, d: Any, q: Any, c: Any, dt: Any) -> Any:
    """The v after one of the N steps, written so that Δt = 0 leaves it as it is."""
    denominator = c + dt * q
    # it is 0 only where the increment is: without capacity, and without time or conductance
    denominator = xp.where(denominator == 0, xp.ones_like(denominator), denominator)
    return v + dt * (d - q * v) / denominator


def clip(z: Any) -> Any:
    """max(z, 0) with slope 1 at 0, so that a weight clipped to 0 can grow again."""
    return xp.where(z < 0, xp.zeros_like(z), z)
