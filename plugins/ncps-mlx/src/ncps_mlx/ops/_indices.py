"""Indices of an embedding: checked where their values are known."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np

from ncps.specs import Embedding
from ncps_mlx.ops._dtypes import dtype_name, from_numpy


def indices(spec: Embedding, x: Any) -> mx.array:
    """x as an array of integers that are rows of the table; IndicesError otherwise."""
    found: mx.array = x if isinstance(x, mx.array) else from_numpy(np.asarray(x))
    if not mx.issubdtype(found.dtype, mx.integer):
        raise spec.not_integers(dtype_name(found))
    if found.size:
        try:
            # plain numbers are checked as such: an MLX array must be evaluated for that
            known: Any = found if isinstance(x, mx.array) else np.asarray(x)
            smallest, largest = int(known.min()), int(known.max())
        except ValueError:
            # inside compile or vmap there are no values to look at
            return found
        spec.check_range(smallest, largest)
    return found
