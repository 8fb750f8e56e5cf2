"""Masks without a branch in any kernel: real steps move to the front, results move back.

A masked step keeps the state. So the states of a masked sequence are those of its real steps
alone, each repeated until the next one. The steps left over at the end are run and never read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ncps.specs import Spec, inputs
from ncps.specs.inputs import Axes

States = tuple[Tensor, ...]
# from x (T, B, D), the states before it and Δt to the states (T, B, ·) after every step
Run = Callable[[Tensor, States, Tensor | None], States]


class Steps:
    """The real steps of a batch; mask (B, T), True = real.

    `order` (B, T) lists each row's real steps, then its masked ones. `last` (B, T) counts the
    real steps up to and including t: the place of step t's state among the states before and
    after each real step.
    """

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask
        t = torch.arange(mask.shape[1], device=mask.device)
        self._order = torch.argsort(torch.where(mask, t, t + mask.shape[1]), dim=1)
        self._last = torch.cumsum(mask, dim=1)

    @property
    def lengths(self) -> Tensor:
        """How many real steps each row has, (B,)."""
        return self._last[:, -1]

    def gather(self, x: Tensor) -> Tensor:
        """(B, T, …) with the real steps first; what stands at masked steps is dropped."""
        # zero times NaN is NaN: a gap in the data must not reach the gradient
        clean = torch.where(_over(self.mask, x), x, torch.zeros_like(x))
        return clean.gather(1, _over(self._order, x))

    def spread(self, initial: Tensor, states: Tensor) -> Tensor:
        """The state after every step (B, T, …), from those after the real steps."""
        known = torch.cat([initial[:, None], states], dim=1)
        return known.gather(1, _over(self._last, states))

    def hold(self, before: Tensor, x: Tensor) -> Tensor:
        """The x (B, T, …) of the last real step at each one; `before` (B, …) before the first."""
        t = torch.arange(1, x.shape[1] + 1, device=x.device)
        last = torch.cummax(torch.where(self.mask, t, 0), dim=1).values
        known = torch.cat([before[:, None], x], dim=1)
        return known.gather(1, _over(last, x))


def over_real_steps(
    run: Run, x: Tensor, initial: States, dt: Tensor | None, steps: Steps | None
) -> tuple[States, States]:
    """The states after every step (B, T, ·), and the last ones; a masked step repeats the state.

    x is (B, T, D); dt None for 1, () for all steps, or (B, T).
    """
    if steps is not None:
        x = steps.gather(x)
        if dt is not None and dt.dim():
            dt = steps.gather(dt[..., None])[..., 0]
    states = tuple(s.transpose(0, 1) for s in run(x.transpose(0, 1), initial, dt))
    if steps is not None:
        states = tuple(steps.spread(i, s) for i, s in zip(initial, states, strict=True))
    # a copy: a state that is carried on must not hold the whole sequence in memory
    return states, tuple(s[:, -1].clone() for s in states)


def _over(steps: Tensor, x: Tensor) -> Tensor:
    """What belongs to each step (B, T), for all of x (B, T, …)."""
    return steps.reshape(*steps.shape, *[1] * (x.dim() - 2)).expand_as(x)


def real_steps(spec: Spec, axes: Axes, mask: Any, device: torch.device) -> Steps | None:
    """The real steps of a mask (B, T), or (T,) without a batch; None when there is no mask."""
    real = real_mask(spec, axes, mask, device)
    return None if real is None else Steps(real)


def real_mask(spec: Spec, axes: Axes, mask: Any, device: torch.device) -> Tensor | None:
    """A mask (B, T), or (T,) without a batch, as bools (B, T); None when there is none."""
    if mask is None:
        return None
    mask = torch.as_tensor(mask, device=device)
    inputs.check_mask(spec, axes, tuple(mask.shape))
    real: Tensor = mask.reshape(axes.batch, axes.steps).bool()
    return real
