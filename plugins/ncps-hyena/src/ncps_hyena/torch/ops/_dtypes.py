"""The dtype of transforms and filters."""

from __future__ import annotations

import torch


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """float64 for float64, else float32: sums over thousands of steps need the digits."""
    return torch.float64 if dtype == torch.float64 else torch.float32
