r"""The synapses of an LTC, and one of the N semi-implicit steps that make up a step.

.. math::
    d_j = \sum_k w_{kj}\, s_{kj} E_{kj},\quad q_j = \sum_k w_{kj}\, s_{kj},\quad
    s_{kj} = \sigma(\sigma_{kj} (v_{i(k, j)} - \mu_{kj}))

    v' = v + \Delta t\,\frac{d - q v}{c_m N + \Delta t\,q}

Synapses stand in a table: row k has the k-th synapse into each neuron j, from neuron i(k, j). It
is as long as the most synapses into one neuron; where there are fewer, w is 0. Between the two
formulas d grows by g·v_l, q by g + ε, and both by what the inputs give.

Shapes: v (…, I); i, w, σ, μ, E (K, H); d, q (…, H); c_m N (H,); Δt () or (B, 1). Without i, row k
is neuron k: a table of all.

Held to the equation as written by `test_kernels.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import mlx.core as mx


@dataclass(frozen=True)
class Synapses:
    """A table of synapses; w is not negative, and 0 where there is none."""

    source: mx.array | None
    w: mx.array
    sigma: mx.array
    mu: mx.array
    erev: mx.array

    def __call__(self, v: mx.array) -> tuple[mx.array, mx.array]:
        """Drive d and conductance q for the sources' potentials v."""
        v = v[..., None] if self.source is None else take(v, self.source)
        ws = self.w * mx.sigmoid(self.sigma * (v - self.mu))
        return mx.sum(ws * self.erev, axis=-2), mx.sum(ws, axis=-2)


def take(v: mx.array, source: mx.array) -> mx.array:
    """The potentials (…, K, H) of the sources."""
    if v.size == 0:
        # MLX 0.32 divides by zero in the gradient of taking from nothing
        return mx.zeros((*v.shape[:-1], *source.shape), v.dtype)
    return mx.take(v, source, axis=-1)


def ltc_unfold(v: mx.array, d: mx.array, q: mx.array, c: mx.array, dt: mx.array) -> mx.array:
    """The v after one of the N steps, written so that Δt = 0 leaves it as it is."""
    denominator = c + dt * q
    # it is 0 only where the increment is: without capacity, and without time or conductance
    denominator = mx.where(denominator == 0, mx.ones_like(denominator), denominator)
    return v + dt * (d - q * v) / denominator


def softplus(z: mx.array) -> mx.array:
    """log(1 + e^z)."""
    return mx.logaddexp(z, mx.zeros_like(z))


def clip(z: mx.array) -> mx.array:
    """max(z, 0) with slope 1 at 0, so that a weight clipped to 0 can grow again."""
    return mx.where(z < 0, mx.zeros_like(z), z)
