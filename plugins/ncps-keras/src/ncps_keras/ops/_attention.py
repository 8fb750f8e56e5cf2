"""Attention of queries (B, H, T, d) to keys and values (B, G, S, d), fused where the back end is.

Positions are (S,) counts where no step is masked, else (B, S): a masked step does not count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from ncps.specs import AttentionSpec
from ncps_keras.backends import xp

Drop = Callable[[Any], Any]


def positions_of(steps: Any, real: Any) -> Any:
    """The position of each step: how many real ones came before it."""
    if real is None:
        return ops.arange(steps, dtype="int32")
    return ops.cumsum(ops.cast(real, "int32"), axis=1) - 1


def rotated(spec: AttentionSpec, a: Any, positions: Any) -> Any:
    """a (B, ·, T, d) with its pairs (i, i + d/2) turned by position · frequency."""
    # in float32 at least: bfloat16 cannot tell position 257 from 256
    kind = _wide(a)
    frequencies = ops.convert_to_tensor(np.array(spec.rotary_frequencies), dtype=kind)
    angle = ops.cast(positions, kind)[..., None] * frequencies
    if len(angle.shape) == 3:
        angle = angle[:, None]
    cos, sin = ops.cos(angle), ops.sin(angle)
    one, two = xp.split(ops.cast(a, kind), 2)
    return ops.cast(xp.concat([one * cos - two * sin, one * sin + two * cos]), a.dtype)


def distances(spec: AttentionSpec, positions: Any, steps: Any, like: Any) -> Any:
    """ALiBi's addends -m_h |i - j|, (1 or B, H, T, S), for the last T = `steps`."""
    kind = _wide(like)
    j = ops.cast(positions, kind)
    j = j if len(j.shape) == 2 else j[None]
    i = j[:, ops.shape(j)[1] - steps :]
    apart = ops.absolute(i[:, None, :, None] - j[:, None, None, :])
    slopes = ops.convert_to_tensor(np.array(spec.alibi_slopes), dtype=kind)[:, None, None]
    return ops.cast(-slopes * apart, like.dtype)


def attention(
    q: Any,
    k: Any,
    v: Any,
    *,
    causal: bool = False,
    real: Any = None,
    bias: Any = None,
    drop: Drop | None = None,
) -> Any:
    """o (B, T, H·d): softmax-weighted sums of the values that each query may see.

    With `causal` the queries are the last T of the S steps. What sees nothing has o = 0. `drop`
    drops some of the weights.
    """
    if 0 in (q.shape[2], k.shape[2]):
        return _merged(ops.zeros_like(q))
    steps, keys = ops.shape(q)[2], ops.shape(k)[2]
    # a back end's own causal flag counts queries from the first key; one query sees all keys anyway
    known = q.shape[2] is not None and q.shape[2] == k.shape[2]
    whole = causal and known and bias is None and real is None and drop is None
    mask = _allowed(steps, keys, causal and not whole and q.shape[2] != 1, real)
    seen = None if real is None else ops.any(mask, axis=-1, keepdims=True)
    if seen is not None:
        # a softmax over nothing has no meaning: let it see all, and drop what comes out
        mask = ops.logical_or(mask, ops.logical_not(seen))
    if drop is None:
        o = xp.attention(q, k, v, mask, bias, whole)
    else:
        o = _plain(q, k, v, mask, bias, drop)
    return _merged(o if seen is None else ops.where(seen, o, ops.zeros_like(o)))


def _plain(q: Any, k: Any, v: Any, mask: Any, bias: Any, drop: Drop) -> Any:
    """The same in plain operations, with weights dropped: the fused ones drop none."""
    group = q.shape[1] // k.shape[1]
    k, v = ops.repeat(k, group, axis=1), ops.repeat(v, group, axis=1)
    # Keras' own matmul rounds float64 on torch
    z = ops.cast(q @ ops.swapaxes(k, 2, 3), _wide(q)) / math.sqrt(q.shape[-1])
    z = z if bias is None else z + ops.cast(bias, z.dtype)
    z = z if mask is None else ops.where(mask, z, ops.full_like(z, -math.inf))
    return ops.cast(drop(ops.softmax(z, axis=-1)), q.dtype) @ v


def _merged(o: Any) -> Any:
    """(B, H, T, d) → (B, T, H·d)."""
    batch, heads, steps, size = ops.shape(o)
    return ops.reshape(ops.transpose(o, (0, 2, 1, 3)), (batch, steps, heads * size))


def _allowed(steps: Any, keys: Any, causal: bool, real: Any) -> Any:
    """What each query may see, (B or 1, 1, T or 1, S); None when that is all."""
    allowed = None if real is None else real[:, None, None, :]
    if causal:
        i, j = ops.arange(steps, dtype="int32"), ops.arange(keys, dtype="int32")
        before = (j <= i[:, None] + (keys - steps))[None, None]
        allowed = before if allowed is None else ops.logical_and(allowed, before)
    return allowed


def _wide(a: Any) -> str:
    return "float64" if keras.backend.standardize_dtype(a.dtype) == "float64" else "float32"
