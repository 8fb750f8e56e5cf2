"""Attention in plain sums. `p` maps canonical names to arrays, which may be complex.

x (B, T, D), context (B, S, D), q (B, H, T, d), k and v (B, G, S, d), masks (B, ·), True = real.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ncps.reference._feed_forward import affine
from ncps.reference._functions import Array
from ncps.reference._gated import Parameters
from ncps.specs import AttentionCache, AttentionSpec, attention_inputs, inputs
from ncps.specs.inputs import Axes


class _Seen(NamedTuple):
    """Keys and values with what is known of their steps: position (B, S), and whether real."""

    k: Array
    v: Array
    positions: Array
    real: Array


def attention(
    spec: AttentionSpec, p: Parameters, x: Array, mask: Any, context: Any, context_mask: Any
) -> Array:
    """y of a call; see `ncps.specs.AttentionSpec`."""
    axes = inputs.sequence_axes(spec, x.shape)
    x, real = _batched(x, axes), _real(spec, axes, mask)
    if context is None:
        if context_mask is not None:
            attention_inputs.check_context_mask(spec, None, np.shape(context_mask))
        y, _ = _among_itself(spec, p, x, real, None)
    else:
        other = attention_inputs.context_axes(spec, axes, context.shape)
        hidden = np.ones((other.batch, other.steps), dtype=bool)
        if context_mask is not None:
            attention_inputs.check_context_mask(spec, other, np.shape(context_mask))
            hidden = np.asarray(context_mask).astype(bool).reshape(hidden.shape)
        y = _across(spec, p, x, real, _cleared(_batched(context, other), hidden), hidden)
    return y if axes.batched else y[0]


def attention_step(
    spec: AttentionSpec, p: Parameters, x: Array, state: Any, mask: Any
) -> tuple[Array, AttentionCache]:
    """y of the steps that follow those in the cache, and the cache with them."""
    axes = inputs.sequence_axes(spec, x.shape)
    if state is None:
        state = empty_cache(spec, axes)
    shapes = (np.shape(state[0]), np.shape(state[1]))
    real = None if state[2] is None else np.shape(state[2])
    attention_inputs.check_cache(spec, axes, *shapes, real)
    if not axes.batched:
        state = [None if part is None else np.asarray(part)[None] for part in state]
    y, new = _among_itself(spec, p, _batched(x, axes), _real(spec, axes, mask), state)
    if axes.batched:
        return y, new
    return y[0], AttentionCache(*(part[0] for part in new))


def empty_cache(spec: AttentionSpec, axes: Axes) -> AttentionCache:
    """The cache before the first step."""
    lead = (axes.batch,) if axes.batched else ()
    none = np.zeros((*lead, spec.key_heads, 0, spec.head_dim))
    return AttentionCache(none, none)


def _among_itself(
    spec: AttentionSpec, p: Parameters, x: Array, real: Array, cache: Any
) -> tuple[Array, AttentionCache]:
    """Self-attention, with the steps of a cache before those of x."""
    x = _cleared(x, real)
    q, k, v = (
        _heads(affine(p, name, x), n)
        for name, n in (
            ("query", spec.num_heads),
            ("key", spec.key_heads),
            ("value", spec.key_heads),
        )
    )
    old = 0 if cache is None else np.shape(cache[0])[2]
    if cache is not None:
        before = np.ones((len(x), old), bool) if cache[2] is None else np.asarray(cache[2], bool)
        real = np.concatenate([before, real], axis=1)
    # masked steps do not count; where they stand themselves does not matter
    positions = np.cumsum(real, axis=1) - 1.0
    if spec.positions == "rotary":
        q, k = (_rotated(spec, a, positions[:, old:]) for a in (q, k))
    if cache is not None:
        k, v = (np.concatenate([c, a], axis=2) for c, a in zip(cache[:2], (k, v), strict=True))
    o = _attend(spec, q, positions[:, old:], _Seen(k, v, positions, real))
    y = _cleared(affine(p, "output", o), real[:, old:])
    return y, AttentionCache(k, v, real)


def _across(
    spec: AttentionSpec, p: Parameters, x: Array, real: Array, context: Array, hidden: Array
) -> Array:
    """Cross-attention, which has no order and no positions."""
    q = _heads(affine(p, "query", _cleared(x, real)), spec.num_heads)
    k, v = (_heads(affine(p, name, context), spec.key_heads) for name in ("key", "value"))
    o = _attend(spec, q, np.zeros(real.shape), _Seen(k, v, np.zeros(hidden.shape), hidden))
    return _cleared(affine(p, "output", o), real)


def _attend(spec: AttentionSpec, q: Array, positions: Array, seen: _Seen) -> Array:
    """o (B, T, H·d): softmax-weighted sums of the values that each step may see."""
    group = spec.num_heads // spec.key_heads
    k, v = (np.repeat(a, group, axis=1) for a in (seen.k, seen.v))
    z = q @ np.swapaxes(k, 2, 3) / np.sqrt(spec.head_dim)
    if spec.positions == "alibi":
        distance = np.abs(positions[:, None, :, None] - seen.positions[:, None, None, :])
        z = z - np.array(spec.alibi_slopes)[:, None, None] * distance
    allowed = np.broadcast_to(seen.real[:, None, None, :], z.shape)
    if spec.causal:
        steps, keys = z.shape[2:]
        allowed = allowed & np.tri(steps, keys, keys - steps, dtype=bool)
    o = _softmax(z, allowed) @ v
    return np.swapaxes(o, 1, 2).reshape(len(q), q.shape[2], spec.num_heads * spec.head_dim)


def _softmax(z: Array, allowed: Array) -> Array:
    """The weights among what is allowed; all 0 where nothing is."""
    if z.shape[-1] == 0:
        return z
    largest = np.max(np.where(allowed, z.real, -np.inf), axis=-1, keepdims=True)
    e = np.exp(np.where(allowed, z - np.where(np.isfinite(largest), largest, 0.0), 0.0)) * allowed
    total = np.sum(e, axis=-1, keepdims=True)
    return e / np.where(total == 0.0, 1.0, total)


def _rotated(spec: AttentionSpec, a: Array, positions: Array) -> Array:
    """a (B, ·, T, d) with its pairs (i, i + d/2) turned by position · frequency."""
    angle = positions[:, None, :, None] * np.array(spec.rotary_frequencies)
    cos, sin = np.cos(angle), np.sin(angle)
    one, two = np.split(a, 2, axis=-1)
    return np.concatenate([one * cos - two * sin, one * sin + two * cos], axis=-1)


def _heads(a: Array, heads: int) -> Array:
    """(B, T, n·d) → (B, n, T, d)."""
    batch, steps, size = a.shape
    return np.swapaxes(a.reshape(batch, steps, heads, size // heads), 1, 2)


def _batched(x: Array, axes: Axes) -> Array:
    return x.reshape(axes.batch, axes.steps, x.shape[-1])


def _real(spec: AttentionSpec, axes: Axes, mask: Any) -> Array:
    if mask is None:
        return np.ones((axes.batch, axes.steps), dtype=bool)
    inputs.check_mask(spec, axes, np.shape(mask))
    return np.asarray(mask).astype(bool).reshape(axes.batch, axes.steps)


def _cleared(x: Array, real: Array) -> Array:
    return np.where(real[..., None], x, 0.0)
