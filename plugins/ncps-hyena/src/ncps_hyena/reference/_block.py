"""HyenaBlock. x (B, T, D), mask (B, T), True = real."""

from __future__ import annotations

import math

import numpy as np

from ncps.reference.functions import Array, Parameters, affine
from ncps_hyena.reference._operator import operator
from ncps_hyena.specs._block import BlockSpec


def block(spec: BlockSpec, p: Parameters, x: Array, mask: Array | None) -> Array:
    """x' = x + operator(LN(x)), y = x' + mlp(LN(x')), 0 at masked steps."""
    assert mask is not None  # this layer is masked
    x = x + operator(spec.operator, inside(p, "operator"), layer_norm(spec, p, "norm_1", x), mask)
    inner = _gelu(affine(p, "mlp.up", layer_norm(spec, p, "norm_2", x)))
    return (x + affine(p, "mlp.down", inner)) * mask[..., None]


def layer_norm(spec: BlockSpec, p: Parameters, name: str, x: Array) -> Array:
    """γ (x - μ) / √(σ² + ε) + β, over the last axis."""
    centred = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    scaled = centred / np.sqrt(variance + spec.layer_norm_epsilon)
    return p[f"{name}.gamma"] * scaled + p[f"{name}.beta"]


def inside(p: Parameters, prefix: str) -> Parameters:
    """The parameters of a part, under its own names."""
    return {k.removeprefix(f"{prefix}."): a for k, a in p.items() if k.startswith(f"{prefix}.")}


def _gelu(z: Array) -> Array:
    """½ z (1 + tanh(√(2/π) (z + 0.044715 z³)))."""
    return 0.5 * z * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (z + 0.044715 * z**3)))
