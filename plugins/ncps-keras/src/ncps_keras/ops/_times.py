"""When the steps of a sequence are: elapsed times, which steps are real, and both backwards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from keras import ops


@dataclass(frozen=True)
class Times:
    """Δt, None for 1, () for all steps or (B or 1, T); mask (B, T), True = real, None for all."""

    dt: Any
    mask: Any

    @cached_property
    def backwards(self) -> Times:
        """The times of the sequence read from its end.

        Two real neighbours are as far apart as before: a step's Δt becomes that of the next real
        step, and the last real step, now the first, takes the first one's.
        """
        dt = self.dt
        if dt is not None and len(dt.shape) and dt.shape[1] != 0:
            dt = ops.flip(self._following(dt), axis=1)
        return Times(dt, None if self.mask is None else ops.flip(self.mask, axis=1))

    def _following(self, dt: Any) -> Any:
        if self.mask is None:
            return ops.concatenate([dt[:, 1:], dt[:, :1]], axis=1)
        order, rank = self._ordered()
        # after the last real step comes the first; where no step is real any index will do
        place = ops.where(rank < rank[:, -1:], rank, ops.zeros_like(rank))
        after = ops.take_along_axis(order, place, axis=1)
        dt = ops.broadcast_to(dt, ops.shape(self.mask))
        return ops.take_along_axis(dt, after, axis=1)

    def _ordered(self) -> tuple[Any, Any]:
        """The real steps of each row in front, and how many there are up to each step."""
        steps = ops.shape(self.mask)[1]
        t = ops.arange(steps, dtype="int32")
        order = ops.argsort(ops.where(self.mask, t, t + steps), axis=1)
        return order, ops.cumsum(ops.cast(self.mask, "int32"), axis=1)

    def hold(self, before: Any, x: Any) -> Any:
        """The x (B, T, …) of the last real step at each one; `before` (B, …) before the first."""
        order, rank = self._ordered()
        last = ops.take_along_axis(order, ops.maximum(rank - 1, 0), axis=1)
        # a place among the states before the first step and after each one
        place = ops.where(rank > 0, last + 1, ops.zeros_like(last))
        known = ops.concatenate([before[:, None], x], axis=1)
        place = ops.broadcast_to(place[(..., *[None] * (len(x.shape) - 2))], ops.shape(x))
        return ops.take_along_axis(known, place, axis=1)

    def clean(self, x: Any) -> Any:
        """x (B, T, D) with zeros in masked steps.

        Zero times NaN is NaN: a gap in the data must not reach the gradient.
        """
        return ops.where(self.mask[..., None], x, ops.zeros_like(x))

    @property
    def clean_dt(self) -> Any:
        """Δt with 1 in masked steps."""
        if self.dt is None or not len(self.dt.shape):
            return self.dt
        return ops.where(self.mask, self.dt, ops.ones_like(self.dt))
