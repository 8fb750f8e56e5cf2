"""Attention of queries (B, H, T, d) to keys and values (B, G, S, d), by MLX's fused kernels.

Positions are (S,) counts where no step is masked, else (B, S): a masked step does not count.
"""

from __future__ import annotations

import math
from typing import Any

import mlx.core as mx

from ncps.specs import AttentionSpec
from ncps_mlx.ops._random import dropout as dropped


def positions_of(steps: int, real: mx.array | None) -> mx.array:
    """The position of each step: how many real ones came before it."""
    if real is None:
        return mx.arange(steps)
    return mx.cumsum(real.astype(mx.int32), axis=1) - 1


def rotated(spec: AttentionSpec, a: mx.array, positions: mx.array, offset: int) -> mx.array:
    """a (B, ·, T, d) with its pairs (i, i + d/2) turned by position · frequency.

    `offset` is the first position, where they follow one another.
    """
    if positions.ndim == 1:
        return mx.fast.rope(
            *(a, spec.head_dim), traditional=False, base=spec.rotary_base, scale=1.0, offset=offset
        )
    # in float32: bfloat16 cannot tell position 257 from 256
    frequencies = mx.array(spec.rotary_frequencies, mx.float32)
    angle = positions[:, None, offset:, None].astype(mx.float32) * frequencies
    cos, sin = mx.cos(angle), mx.sin(angle)
    one, two = mx.split(a.astype(mx.float32), 2, axis=-1)
    turned = mx.concatenate([one * cos - two * sin, one * sin + two * cos], axis=-1)
    return turned.astype(a.dtype)


def distances(spec: AttentionSpec, positions: mx.array, offset: int, dtype: mx.Dtype) -> mx.array:
    """ALiBi's addends -m_h |i - j|, (H, T, S) or (B, H, T, S), for the steps from `offset` on."""
    j = positions.astype(mx.float32)
    apart = mx.abs(j[..., offset:, None] - j[..., None, :])
    slopes = mx.array(spec.alibi_slopes, mx.float32)[:, None, None]
    return (-slopes * (apart if apart.ndim == 2 else apart[:, None])).astype(dtype)


def attention(
    q: mx.array,
    k: mx.array,
    v: mx.array,
    *,
    causal: bool = False,
    real: mx.array | None = None,
    bias: mx.array | None = None,
    dropout: float = 0.0,
) -> mx.array:
    """o (B, T, H·d): softmax-weighted sums of the values that each query may see.

    With `causal` the queries are the last T of the S steps. What sees nothing has o = 0.
    """
    if real is None and bias is None and not dropout:
        return _merged(_fused(q, k, v, "causal" if causal else None))
    seen, mask = None, _allowed(q.shape[2], k.shape[2], causal, real)
    if real is not None and mask is not None:
        seen = mx.any(mask, axis=-1, keepdims=True)
        # a softmax over nothing has no meaning: let it see all, and drop what comes out
        mask = mx.logical_or(mask, mx.logical_not(seen))
    if bias is not None:
        hidden = mx.array(-math.inf, bias.dtype)
        mask = bias if mask is None else mx.where(mask, bias, hidden)
    o = _plain(q, k, v, mask, dropout) if dropout else _fused(q, k, v, mask)
    return _merged(o if seen is None else mx.where(seen, o, mx.zeros_like(o)))


def _merged(o: mx.array) -> mx.array:
    """(B, H, T, d) → (B, T, H·d)."""
    return o.transpose(0, 2, 1, 3).flatten(2)


def _fused(q: mx.array, k: mx.array, v: mx.array, mask: Any) -> mx.array:
    scale = 1.0 / math.sqrt(q.shape[-1])
    return mx.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask=mask)


def _plain(
    q: mx.array, k: mx.array, v: mx.array, mask: mx.array | None, dropout: float
) -> mx.array:
    """The same in plain operations, with weights dropped: MLX's kernel does not drop any."""
    group = q.shape[1] // k.shape[1]
    k, v = mx.repeat(k, group, axis=1), mx.repeat(v, group, axis=1)
    z = (q @ k.swapaxes(2, 3)).astype(mx.float32) / math.sqrt(q.shape[-1])
    if mask is not None:
        z = mx.where(mask, z, -math.inf) if mask.dtype == mx.bool_ else z + mask
    weights = mx.softmax(z, axis=-1).astype(q.dtype)
    return (weights * dropped(dropout, weights.shape, q.dtype)) @ v


def _allowed(steps: int, keys: int, causal: bool, real: mx.array | None) -> mx.array | None:
    """What each query may see, (B or 1, 1, T or 1, S); None when that is all."""
    allowed = None if real is None else real[:, None, None, :]
    if causal:
        before = mx.tri(steps, keys, keys - steps).astype(mx.bool_)[None, None]
        allowed = before if allowed is None else mx.logical_and(allowed, before)
    return allowed
