"""Indices of an embedding: checked where their values are known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ncps.specs import Embedding
from ncps_torch.ops._dtypes import dtype_name
from ncps_torch.ops._modes import values_are_known


def indices(spec: Embedding, x: Any, device: torch.device) -> Tensor:
    """x as a tensor of integers that are rows of the table; IndicesError otherwise."""
    found = x if isinstance(x, Tensor) else torch.as_tensor(x, device=device)
    if found.dtype.is_floating_point or found.dtype.is_complex or found.dtype == torch.bool:
        raise spec.not_integers(dtype_name(found.dtype))
    # torch looks rows up by these two only
    found = found if found.dtype in (torch.int32, torch.int64) else found.long()
    if found.numel() and values_are_known(found):
        smallest, largest = found.aminmax()
        spec.check_range(int(smallest), int(largest))
    return found
