"""Tables that options alone fix, on MLX in float32: made once for all layers with these options."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import mlx.core as mx
import numpy as np

from ncps_hyena.specs import HyenaSpec, _tables

# tables of a whole l_max: those of a few lengths, not of every model that ever was
KEPT = 8


def times(spec: HyenaSpec, length: int) -> mx.array:
    """t of the first `length` lags (length,)."""
    return _times(spec.l_max)[:length]


def positions(spec: HyenaSpec, length: int) -> mx.array:
    """z of the first `length` lags (length, E)."""
    return _positions(spec.l_max, spec.emb_dim)[:length]


def delta(spec: HyenaSpec, o: int) -> mx.array:
    """δ of convolution o (D,)."""
    return _delta(o, spec.decay_arguments())


@lru_cache(maxsize=KEPT)
def _times(l_max: int) -> mx.array:
    return _array(_tables.times(l_max, l_max))


@lru_cache(maxsize=KEPT)
def _positions(l_max: int, emb_dim: int) -> mx.array:
    return _array(_tables.positions(l_max, emb_dim, l_max))


@lru_cache(maxsize=64)
def _delta(o: int, arguments: tuple[Any, ...]) -> mx.array:
    return _array(_tables.deltas(*arguments)[o])


def _array(table: Any) -> mx.array:
    # in float64 on the host: float32 loses the angle of large products
    return mx.array(table.astype(np.float32))
