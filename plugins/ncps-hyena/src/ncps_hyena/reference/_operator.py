"""HyenaOperator, lag by lag. x (B, T, D), mask (B, T), True = real."""

from __future__ import annotations

import numpy as np

from ncps.reference.functions import Array, Parameters, affine
from ncps_hyena.reference._filter import filters
from ncps_hyena.specs import HyenaSpec


def operator(spec: HyenaSpec, p: Parameters, x: Array, mask: Array | None) -> Array:
    """y = (v ⊙ g_0) W_y + b_y after the gates and long convolutions have taken turns."""
    assert mask is not None  # this layer is masked
    real = mask[..., None]
    v = short(p, "value", affine(p, "value", x) * real)
    for o in range(spec.convolutions):
        name = f"gate_{spec.order - 1 - o}"
        u = v * short(p, name, affine(p, name, x) * real) * real
        v = _long(spec, p, o, u)
    gate = short(p, "gate_0", affine(p, "gate_0", x) * real)
    return affine(p, "output", v * gate) * real


def short(p: Parameters, name: str, u: Array) -> Array:
    """c_t = Σ_k w_k ⊙ u_(t-K+1+k) + b, with zeros before the first step."""
    # the last tap is that of the step itself
    backwards = p[f"{name}.short_kernel"][::-1]
    return _convolved(u, backwards) + p[f"{name}.short_bias"]


def _long(spec: HyenaSpec, p: Parameters, o: int, u: Array) -> Array:
    """v_t = s ⊙ u_t + Σ_j h_j ⊙ u_(t-j), and the later steps' Σ_(j≥1) r_j ⊙ u_(t+j)."""
    steps = u.shape[1]
    v = p[f"long_{o}.skip"] * u + _convolved(u, filters(spec, p, o, "kernel", steps))
    if spec.bidirectional:
        later = filters(spec, p, o, "reverse_kernel", steps)
        later[:1] = 0.0
        v = v + _convolved(u[:, ::-1], later)[:, ::-1]
    return v


def _convolved(u: Array, h: Array) -> Array:
    """Σ_j h_j ⊙ u_(t-j) of u (B, T, D), with zeros before the first step."""
    steps = u.shape[1]
    y = np.zeros(u.shape, np.result_type(u, h))
    for j, weight in enumerate(h[:steps]):
        y[:, j:] += weight * u[:, : steps - j]
    return y
