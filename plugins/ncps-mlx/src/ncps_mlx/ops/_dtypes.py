"""Dtypes by name, and the way between NumPy and MLX arrays."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from ncps.errors import unknown

DTYPES = {"float32": mx.float32, "bfloat16": mx.bfloat16, "float16": mx.float16}


def check_dtype(name: str | None) -> str:
    """`name` if layers can have this dtype; None stands for float32."""
    if name is None:
        return "float32"
    if name not in DTYPES:
        raise unknown("MLX layer dtype", name, DTYPES)
    return name


def dtype_name(array: mx.array) -> str:
    """Name of an array's dtype: "float32" for mlx.core.float32."""
    return str(array.dtype).rpartition(".")[2]


def from_numpy(array: npt.NDArray[Any], dtype: mx.Dtype | None = None) -> mx.array:
    """The same values in MLX; float64 becomes float32, which MLX would do silently."""
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    # a copy: MLX keeps strides, refuses negative ones and writes transposed arrays to files wrongly
    native = mx.array(np.array(array, order="C"))
    return native if dtype is None else native.astype(dtype)


def to_numpy(array: mx.array) -> npt.NDArray[Any]:
    """The same values in NumPy; bfloat16, which NumPy does not have, becomes float32."""
    return np.array(array.astype(mx.float32) if array.dtype == mx.bfloat16 else array)
