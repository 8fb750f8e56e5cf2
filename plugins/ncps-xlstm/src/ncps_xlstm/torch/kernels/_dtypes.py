"""Tensors in a dtype."""

from __future__ import annotations

import torch
from torch import Tensor


def cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    """x in this dtype."""
    # where there is nothing to do `to` takes as long as an operation on a few numbers
    return x if x.dtype == dtype else x.to(dtype)


def working_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype of sums and states for inputs of this dtype."""
    return torch.float32 if dtype in (torch.bfloat16, torch.float16) else dtype
