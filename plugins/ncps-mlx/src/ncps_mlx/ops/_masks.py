"""Masks without a branch in any kernel: real steps move to the front, results move back.

A masked step keeps the state. So the states of a masked sequence are those of its real steps
alone, each repeated until the next one. The steps left over at the end are run and never read.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.specs import Spec, inputs
from ncps.specs.inputs import Axes
from ncps_mlx.ops._inputs import as_array


class Steps:
    """The real steps of a batch; mask (B, T), True = real.

    `order` (B, T) lists each row's real steps, then its masked ones. `last` (B, T) counts the
    real steps up to and including t: the place of step t's state among the states before and
    after each real step.
    """

    def __init__(self, mask: mx.array) -> None:
        self._mask = mask
        t = mx.arange(mask.shape[1])
        self._order = mx.argsort(mx.where(mask, t, t + mask.shape[1]), axis=1)
        self._last = mx.cumsum(mask.astype(mx.int32), axis=1)

    def gather(self, x: mx.array) -> mx.array:
        """(B, T, …) with the real steps first; what stands at masked steps is dropped."""
        # zero times NaN is NaN: a gap in the data must not reach the gradient
        clean = mx.where(_over(self._mask, x), x, mx.zeros_like(x))
        return mx.take_along_axis(clean, _over(self._order, x), axis=1)

    def spread(self, initial: mx.array, states: mx.array) -> mx.array:
        """The state after every step (B, T, …), from those after the real steps."""
        known = mx.concatenate([initial[:, None], states], axis=1)
        return mx.take_along_axis(known, _over(self._last, states), axis=1)

    def hold(self, before: mx.array, x: mx.array) -> mx.array:
        """The x (B, T, …) of the last real step at each one; `before` (B, …) before the first."""
        t = mx.arange(1, x.shape[1] + 1)
        last = mx.cummax(mx.where(self._mask, t, 0), axis=1)
        known = mx.concatenate([before[:, None], x], axis=1)
        return mx.take_along_axis(known, _over(last, x), axis=1)


def _over(steps: mx.array, x: mx.array) -> mx.array:
    """What belongs to each step (B, T), with an axis for each one of x (B, T, …)."""
    return steps.reshape(*steps.shape, *[1] * (x.ndim - 2))


def real_steps(spec: Spec, axes: Axes, mask: Any) -> mx.array | None:
    """Which steps are real (B, T), for a mask (B, T) or (T,); None when there is no mask."""
    if mask is None:
        return None
    real: mx.array = as_array(mask)
    inputs.check_mask(spec, axes, real.shape)
    return real.reshape(axes.batch, axes.steps).astype(mx.bool_)
