"""Dtypes by name, and the way between NumPy arrays and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ncps.errors import unknown

DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


def check_dtype(dtype: str | torch.dtype | None) -> torch.dtype:
    """The dtype of this name if layers can have it; None stands for torch's default."""
    if dtype is None:
        return torch.get_default_dtype()
    name = str(dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise unknown("torch layer dtype", name, DTYPES)
    return DTYPES[name]


def dtype_name(dtype: torch.dtype) -> str:
    """Name of a dtype: "float32" for torch.float32."""
    return str(dtype).removeprefix("torch.")


def from_numpy(
    array: npt.NDArray[Any], dtype: torch.dtype | None = None, device: Any = None
) -> Tensor:
    """A tensor with these values in memory of its own."""
    return torch.from_numpy(np.array(array, order="C")).to(device=device, dtype=dtype)


def to_numpy(tensor: Tensor) -> npt.NDArray[Any]:
    """A copy of the values; bfloat16, which NumPy does not have, becomes float32."""
    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    copy: npt.NDArray[Any] = np.array(tensor.cpu().numpy())
    return copy
