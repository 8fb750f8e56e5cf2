"""When the steps of a sequence are: elapsed times, which steps are real, and both backwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ncps_torch.ops._masks import Steps


@dataclass(frozen=True)
class Times:
    """Δt, None for 1, () for all steps or (B, T); the real steps, None when all are."""

    dt: Tensor | None
    steps: Steps | None

    @cached_property
    def backwards(self) -> Times:
        """The times of the sequence read from its end.

        Two real neighbours are as far apart as before: a step's Δt becomes that of the next real
        step, and the last real step, now the first, takes the first one's.
        """
        dt = self.dt
        if dt is not None and dt.dim() and dt.shape[1]:
            dt = self._following(dt).flip(1)
        return Times(dt, None if self.steps is None else Steps(self.steps.mask.flip(1)))

    def _following(self, dt: Tensor) -> Tensor:
        if self.steps is None:
            return torch.cat([dt[:, 1:], dt[:, :1]], dim=1)
        mask, number = self.steps.mask, dt.shape[1]
        index = torch.where(mask, torch.arange(number, device=mask.device), number)
        at_or_after = index.flip(1).cummin(dim=1).values.flip(1)
        first = at_or_after[:, :1]
        after = torch.cat([at_or_after[:, 1:], first], dim=1)
        # after the last real step there is none; where no step is real any index will do
        after = torch.where(after == number, first, after) % number
        return dt.gather(1, after)
