"""When the steps of a sequence are: elapsed times, which steps are real, and both backwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import mlx.core as mx

from ncps_mlx.ops._masks import Steps


@dataclass(frozen=True)
class Times:
    """Δt, None for 1, () for all steps or (B, T); mask (B, T), True = real, None for all real."""

    dt: mx.array | None
    mask: mx.array | None

    @cached_property
    def steps(self) -> Steps | None:
        """The real steps; None when there is no mask."""
        return None if self.mask is None else Steps(self.mask)

    @cached_property
    def backwards(self) -> Times:
        """The times of the sequence read from its end.

        Two real neighbours are as far apart as before: a step's Δt becomes that of the next real
        step, and the last real step, now the first, takes the first one's.
        """
        dt = self.dt
        if dt is not None and dt.ndim and dt.shape[1]:
            dt = self._following(dt)[:, ::-1]
        return Times(dt, None if self.mask is None else self.mask[:, ::-1])

    def _following(self, dt: mx.array) -> mx.array:
        if self.mask is None:
            return mx.concatenate([dt[:, 1:], dt[:, :1]], axis=1)
        steps = dt.shape[1]
        index = mx.where(self.mask, mx.arange(steps), steps)
        at_or_after = mx.cummin(index, axis=1, reverse=True)
        first = at_or_after[:, :1]
        after = mx.concatenate([at_or_after[:, 1:], first], axis=1)
        # after the last real step there is none; where no step is real any index will do
        after = mx.where(after == steps, first, after) % steps
        return mx.take_along_axis(dt, after, axis=1)


def each_step(dt: mx.array | None, x: mx.array) -> tuple[list[mx.array], mx.array]:
    """Δt (B, T, 1) to scan over, or none and the one Δt () of all steps, for x (B, T, D)."""
    one = mx.ones((), x.dtype) if dt is None else dt
    return ([], one) if one.ndim == 0 else ([one[..., None]], one)
