"""Indices of an embedding: checked where their values are known."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from ncps.specs import Embedding
from ncps_keras.backends import xp
from ncps_keras.ops._arguments import as_tensor


def indices(spec: Embedding, x: Any) -> Any:
    """x as a tensor of integers that are rows of the table; IndicesError otherwise."""
    found = as_tensor(x)
    dtype = keras.backend.standardize_dtype(found.dtype)
    if not keras.backend.is_int_dtype(dtype):
        raise spec.not_integers(dtype)
    if xp.is_concrete(found) and math.prod(found.shape):
        spec.check_range(int(ops.min(found)), int(ops.max(found)))
    return found
