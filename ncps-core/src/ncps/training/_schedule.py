"""The learning rate over the steps of a run."""

from __future__ import annotations

import math

_FLOOR = 0.01


def learning_rate(step: int, *, peak: float, warmup: int, decay: int) -> float:
    r"""Linear warm-up, then half a cosine down to 1 % of the peak, where it stays.

    .. math:: \eta_k = \eta\,\min(1, (k+1)/w)\,(0.01 + 0.99\,(1+\cos(\pi\min(1, k/d)))/2)

    It depends on the step alone and not on how long the run will be, so that a run that is
    continued takes the same steps as one that was never interrupted.
    """
    cosine = (1 + math.cos(math.pi * min(1.0, step / decay))) / 2
    return peak * min(1.0, (step + 1) / warmup) * (_FLOOR + (1 - _FLOOR) * cosine)
