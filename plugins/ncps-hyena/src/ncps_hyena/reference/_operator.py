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
    taps = p[f"{name}.short_kernel"]
    terms = [w * shifted(u, len(taps) - 1 - k) for k, w in enumerate(taps)]
    return np.sum(terms, axis=0) + p[f"{name}.short_bias"]


def _long(spec: HyenaSpec, p: Parameters, o: int, u: Array) -> Array:
    """v_t = s ⊙ u_t + Σ_j h_j ⊙ u_(t-j), and the later steps' Σ_(j≥1) r_j ⊙ u_(t+j)."""
    steps = u.shape[1]
    v = p[f"long_{o}.skip"] * u
    for j, h in enumerate(filters(spec, p, o, "kernel", steps)):
        v = v + h * shifted(u, j)
    if spec.bidirectional:
        for j, r in enumerate(filters(spec, p, o, "reverse_kernel", steps)[1:], start=1):
            v = v + r * shifted(u, -j)
    return v


def shifted(u: Array, lag: int) -> Array:
    """u (B, T, D) `lag` steps later (earlier for a lag below 0), zeros where nothing is."""
    steps = u.shape[1]
    lag = max(-steps, min(lag, steps))
    pads = ((0, 0), (max(lag, 0), max(-lag, 0)), (0, 0))
    return np.pad(u, pads)[:, max(-lag, 0) : max(-lag, 0) + steps]
