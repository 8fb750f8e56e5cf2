"""Normalisations, in float32 where the layer computes in less: squares overflow float16."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ncps_keras.backends import NAME, xp


def widened(x: Any) -> Any:
    """x in float32, or in float64 as it came."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    return x if dtype in ("float32", "float64") else ops.cast(x, "float32")


def layer_norm(x: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """γ (x − μ) / √(σ² + ε) + β over the last axis of x (…, D)."""
    if _has_kernel(x):
        return ops.layer_normalization(x, gamma, beta, axis=-1, epsilon=epsilon)
    centre, variance = moments(x, (-1,))
    return standardised(x, centre, variance, gamma, beta, epsilon)


def rms_norm(x: Any, gamma: Any, epsilon: float) -> Any:
    """γ x / √(mean(x²) + ε) over the last axis of x (…, D)."""
    if _has_kernel(x):
        return ops.rms_normalization(x, gamma, axis=-1, epsilon=epsilon)
    y = x * ops.rsqrt(mean(ops.square(x), (-1,)) + epsilon)
    return y if gamma is None else y * gamma


def group_norm(x: Any, groups: int, gamma: Any, beta: Any, epsilon: float) -> Any:
    """γ (x − μ_g) / √(σ_g² + ε) + β for x (B, …, D), over each row's group of features."""
    shape = ops.shape(x)
    parts = ops.reshape(x, (*shape[:-1], groups, x.shape[-1] // groups))
    inner = tuple(range(1, len(shape) - 1))
    centre, variance = moments(parts, (*inner, len(shape)))
    y = ops.reshape(standardised(parts, centre, variance, None, None, epsilon), shape)
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta


def mean(x: Any, axes: tuple[int, ...], keepdims: bool = True) -> Any:
    """The mean over these axes, in the back end's own operation: Keras' rounds float64 on torch."""
    return xp.mean(x, axes, keepdims)


def moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """Mean and biased variance over these axes, which stay as ones."""
    centre = mean(x, axes)
    return centre, mean(ops.square(x - centre), axes)


def standardised(x: Any, centre: Any, variance: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """γ (x − μ) / √(σ² + ε) + β; γ and β may be None."""
    y = (x - centre) * ops.rsqrt(variance + epsilon)
    y = y if gamma is None else y * gamma
    return y if beta is None else y + beta


def _has_kernel(x: Any) -> bool:
    """Whether Keras has it in one: on torch, in float32. Elsewhere its E[x²] − E[x]² cancels."""
    return NAME == "torch" and keras.backend.standardize_dtype(x.dtype) == "float32"
