"""What stands behind the real steps of each row, once these have been moved to the front."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Behind:
    """The number of real steps of each row, (B,), of T steps."""

    lengths: Tensor
    steps: int

    @property
    def mask(self) -> Tensor:
        """True (B, T) behind a row's real steps."""
        t = torch.arange(self.steps, device=self.lengths.device)
        return t >= self.lengths[:, None]

    @property
    def empty(self) -> Tensor:
        """True (B,) where a row has no real step."""
        return self.lengths == 0
