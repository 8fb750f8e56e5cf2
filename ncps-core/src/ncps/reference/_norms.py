"""Normalisations and the embedding. `p` maps canonical names to arrays; x (…, D).

A variance is written out: NumPy's own takes the absolute value of complex numbers.
"""

from __future__ import annotations

import math

import numpy as np

from ncps.reference._functions import Array
from ncps.reference._gated import Parameters
from ncps.specs import BatchNorm, Embedding, GroupNorm, LayerNorm, RMSNorm


def layer_norm(spec: LayerNorm, p: Parameters, x: Array) -> Array:
    """y = γ (x - μ) / √(σ² + ε) + β, over the last axis."""
    return _affine(p, _standardised(x, (-1,), spec.epsilon))


def rms_norm(spec: RMSNorm, p: Parameters, x: Array) -> Array:
    """y = γ x / √(mean x² + ε), over the last axis."""
    return _affine(p, x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + spec.epsilon))


def group_norm(spec: GroupNorm, p: Parameters, x: Array) -> Array:
    """y = γ (x - μ_g) / √(σ_g² + ε) + β, over positions and the features of a group."""
    batch, *places, size = x.shape
    grouped = x.reshape(batch, math.prod(places), spec.groups, size // spec.groups)
    return _affine(p, _standardised(grouped, (1, 3), spec.epsilon).reshape(x.shape))


def batch_norm(spec: BatchNorm, p: Parameters, x: Array) -> Array:
    """y = γ (x - μ) / √(σ² + ε) + β with the moving statistics."""
    return _affine(p, (x - p["moving_mean"]) / np.sqrt(p["moving_variance"] + spec.epsilon))


def embedding(spec: Embedding, p: Parameters, x: Array) -> Array:
    """y = E_x; the row of the padding index is a constant."""
    if x.dtype.kind not in "iu":
        raise spec.not_integers(str(x.dtype))
    if x.size:
        spec.check_range(int(x.min()), int(x.max()))
    y: Array = p["embeddings"][x]
    return (
        y if spec.padding_index is None else np.where(x[..., None] == spec.padding_index, y.real, y)
    )


def _standardised(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    centred = x - np.mean(x, axis=axes, keepdims=True)
    variance = np.mean(centred * centred, axis=axes, keepdims=True)
    return centred / np.sqrt(variance + epsilon)


def _affine(p: Parameters, x: Array) -> Array:
    if "gamma" in p:
        x = x * p["gamma"]
    return x + p["beta"] if "beta" in p else x
