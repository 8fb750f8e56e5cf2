"""Normalisation where torch's own function has another layout."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def group_norm(
    x: Tensor, groups: int, weight: Tensor | None, bias: Tensor | None, epsilon: float
) -> Tensor:
    """y (B, …, D) for x (B, …, D); torch has the features on axis 1."""
    shape = x.shape
    if torch.is_grad_enabled() and weight is not None and x.ndim > 3:
        # over images with features last, torch's backward ends the process where the gradient of x
        # is not asked for; over one axis of places there is no such path
        x = x.flatten(1, -2)
    # torch's gradient fails for a bias without a weight
    within, after = (None, bias) if weight is None else (bias, None)
    y = functional.group_norm(x.movedim(-1, 1), groups, weight, within, epsilon)
    y = y.movedim(1, -1).reshape(shape)
    return y if after is None else y + after
