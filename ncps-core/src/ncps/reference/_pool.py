"""Pools, Flatten, and Dropout as it is in evaluation."""

from __future__ import annotations

import math

import numpy as np

from ncps.reference._conv import axes_of, padded, taps
from ncps.reference._functions import Array
from ncps.reference._gated import Parameters
from ncps.specs import (
    AveragePool1D,
    AveragePool2D,
    Dropout,
    Flatten,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    MaxPool1D,
    MaxPool2D,
    SlidingSpec,
)


def max_pool(spec: MaxPool1D | MaxPool2D, p: Parameters, x: Array) -> Array:
    """y_t = max_j x_{ts + j − p}."""
    return _largest(_windows(spec, x, -np.inf), (0,))


def average_pool(spec: AveragePool1D | AveragePool2D, p: Parameters, x: Array) -> Array:
    """y_t = Σ_j x_{ts + j − p} / n_t."""
    total = _windows(spec, x, 0.0).sum(axis=0)
    inside = np.ones((*x.shape[:-1], 1))
    # what lies beyond x is one of the k entries, or none
    beyond = 1.0 if spec.count_include_pad else 0.0
    return total / _windows(spec, inside, beyond).sum(axis=0)


def global_max_pool(spec: GlobalMaxPool1D | GlobalMaxPool2D, p: Parameters, x: Array) -> Array:
    """The largest entry of all steps or places."""
    axes = _pooled(spec, x)
    y = _largest(x, axes)
    return np.expand_dims(y, axes) if spec.keepdims else y


def global_average_pool(
    spec: GlobalAveragePool1D | GlobalAveragePool2D, p: Parameters, x: Array
) -> Array:
    """The average of all steps or places."""
    return np.mean(x, axis=_pooled(spec, x), keepdims=spec.keepdims)


def flatten(spec: Flatten, p: Parameters, x: Array) -> Array:
    """(B, …) → (B, N), in C's order; the features slowest with channels first."""
    if spec.channels_first and x.ndim > 1:
        x = np.moveaxis(x, -1, 1)
    return x.reshape(len(x), math.prod(x.shape[1:]))


def dropout(spec: Dropout, p: Parameters, x: Array) -> Array:
    """x: nothing is left out in evaluation."""
    return x


def _windows(spec: SlidingSpec, x: Array, value: float) -> Array:
    """The j-th entry of every window under the first index, j over the whole window."""
    lengths = spec.lengths(spec.output_shape(x.shape))
    x = padded(x, [w.pads(n) for w, n in axes_of(spec, x)], value)
    indices = np.ndindex(*(w.size for w in spec.windows))
    return np.stack([x[taps(spec.windows, j, lengths)] for j in indices])


def _pooled(spec: SlidingSpec, x: Array) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1 - spec.rank, x.ndim - 1))


def _largest(x: Array, axes: tuple[int, ...]) -> Array:
    """The entry with the largest real part over these axes, so that complex steps follow it."""
    x = np.moveaxis(x, axes, tuple(range(len(axes))))
    x = x.reshape(math.prod(x.shape[: len(axes)]), *x.shape[len(axes) :])
    first = np.argmax(x.real, axis=0)[None]
    y: Array = np.take_along_axis(x, first, axis=0)[0]
    return y
