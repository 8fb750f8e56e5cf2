"""Convolutions and their transposes, tap by tap. x (B, T, D) or (B, H, W, D), B optional."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType

import numpy as np

from ncps.reference._functions import ACTIVATIONS, Array
from ncps.reference._gated import Parameters
from ncps.specs import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    SlidingSpec,
    Spread,
    Window,
)

Slices = tuple[EllipsisType | slice, ...]


def conv(spec: Conv1D | Conv2D, p: Parameters, x: Array) -> Array:
    """y_t = φ(Σ_j x_{ts + jd − p} W_j + b)."""
    lengths = spec.lengths(spec.output_shape(x.shape))
    x = padded(x, [w.pads(n) for w, n in axes_of(spec, x)])
    y = sum(
        _grouped(x[taps(spec.windows, j, lengths)], p["kernel"][j], spec.groups)
        for j in np.ndindex(*(w.size for w in spec.windows))
    )
    return _finished(spec, p, np.asarray(y))


def conv_transpose(spec: Conv1DTranspose | Conv2DTranspose, p: Parameters, x: Array) -> Array:
    """y_u = φ(Σ x_t W_j + b) over all t and j with ts + jd − p = u."""
    lengths = spec.lengths(x.shape)
    pairs = axes_of(spec, x)
    whole = [(n - 1) * w.stride + w.reach for w, n in pairs]
    lead = x.shape[: -1 - spec.rank]
    y = np.zeros((*lead, *whole, spec.filters), np.result_type(x, p["kernel"]))
    for j in np.ndindex(*(w.size for w in spec.windows)):
        y[taps(spec.windows, j, lengths)] += x @ p["kernel"][j]
    ends = [w.crop for w in spec.windows]
    y = padded(y, [(0, max(-after, 0)) for _, after in ends])
    kept: Slices = tuple(
        slice(before, n - max(after, 0) + max(-after, 0))
        for n, (before, after) in zip(whole, ends, strict=True)
    )
    return _finished(spec, p, y[(..., *kept, slice(None))])


def axes_of(spec: SlidingSpec, x: Array) -> list[tuple[Window, int]]:
    """The window and the length of each axis to slide along."""
    return list(zip(spec.windows, spec.lengths(x.shape), strict=True))  # type: ignore[arg-type]


def padded(x: Array, pads: Sequence[tuple[int, int]], value: float = 0.0) -> Array:
    """x with entries of this value before and after each axis to slide along."""
    lead = [(0, 0)] * (x.ndim - len(pads) - 1)
    return np.pad(x, [*lead, *pads, (0, 0)], constant_values=value)


def taps(
    windows: Sequence[Window | Spread], j: Sequence[int], lengths: Sequence[int | None]
) -> Slices:
    """Where the j-th entry of every window lies: starts j·d, one stride apart."""
    found = [
        slice(i * w.dilation, i * w.dilation + (n - 1) * w.stride + 1, w.stride)
        for w, i, n in zip(windows, j, lengths, strict=True)
        if n is not None
    ]
    return (..., *found, slice(None))


def _grouped(x: Array, W: Array, groups: int) -> Array:
    """x (…, D) by W (D/g, H), group by group."""
    parts = zip(np.split(x, groups, axis=-1), np.split(W, groups, axis=-1), strict=True)
    return np.concatenate([a @ b for a, b in parts], axis=-1)


def _finished(
    spec: Conv1D | Conv2D | Conv1DTranspose | Conv2DTranspose, p: Parameters, y: Array
) -> Array:
    if spec.use_bias:
        y = y + p["bias"]
    return ACTIVATIONS[spec.activation or "linear"](y)
