"""Dtypes by name, and the way between NumPy arrays and tensors."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from ncps.errors import unknown
from ncps_keras.backends import xp

DTYPES: tuple[str, ...] = xp.DTYPES
POLICIES = ("mixed_bfloat16", "mixed_float16")
# NumPy knows no bfloat16
LARGEST = {
    "bfloat16": 3.3895313892515355e38,
    **{name: float(np.finfo(name).max) for name in ("float16", "float32", "float64")},
}


def check_dtype(dtype: Any) -> Any:
    """`dtype` if layers can have it: a name, a policy of Keras', or None for Keras' own choice."""
    if isinstance(dtype, str) and dtype not in DTYPES and dtype not in POLICIES:
        raise unknown("Keras layer dtype", dtype, (*DTYPES, *POLICIES))
    return dtype


def from_numpy(array: npt.NDArray[Any], dtype: str | None = None) -> Any:
    """The tensor with these values; of 32 bits where the back end has no other."""
    if dtype is None and np.issubdtype(array.dtype, np.integer):
        # JAX warns when it is asked for 64 bits by name
        return ops.convert_to_tensor(np.array(array))
    kind = array.dtype.name if dtype is None else dtype
    if kind == "float64" and kind not in DTYPES:
        kind = "float32"
    # a copy: some back ends would share the memory of the caller's array
    return ops.convert_to_tensor(np.array(array), dtype=kind)


def to_numpy(tensor: Any) -> npt.NDArray[Any]:
    """A copy of the values; bfloat16, which NumPy does not have, becomes float32."""
    value = tensor.value if isinstance(tensor, keras.Variable) else tensor
    return np.array(xp.to_numpy(value))
