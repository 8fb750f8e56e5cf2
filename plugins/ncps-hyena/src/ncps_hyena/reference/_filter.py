"""The filters that the small network writes. `p` maps canonical names to arrays."""

from __future__ import annotations

import numpy as np

from ncps.reference.functions import Array, Parameters, absolute, affine
from ncps_hyena.specs import HyenaSpec


def filters(spec: HyenaSpec, p: Parameters, o: int, name: str, length: int) -> Array:
    """h_j = a_j W ⊙ (e^(-t_j |δ|) + shift) of convolution o, for the first lags (length, D)."""
    h = _hidden(spec, p, length) @ p[f"long_{o}.{name}"]
    if not spec.modulate:
        return h
    delta = p[f"long_{o}.delta"] if spec.learn_decay else spec.deltas()[o]
    t = spec.times(length)[:, None]
    return h * (np.exp(-t * absolute(delta)) + spec.shift)


def _hidden(spec: HyenaSpec, p: Parameters, length: int) -> Array:
    """a_j = sin ω(… sin ω(z_j W_0 + b_0) …) (length, F)."""
    a = p["filter.positions"][:length] if spec.learn_positions else spec.positions(length)
    frequency = p["filter.frequency"] if spec.learn_frequency else spec.frequency
    for j in range(spec.num_inner + 1):
        a = np.sin(frequency * affine(p, f"filter.hidden_{j}", a))
    return a
