r"""Any recurrence over time, trained in O(T), with masked steps or without.

.. math:: s_t = \mathrm{step}(x_t, s_{t-1})\ \text{where } m_t,\ s_{t-1}\ \text{elsewhere}

Shapes: each of `xs` (B, T, ·) or (1, T, ·), each of `states` (B, ·), mask m (B, T, 1) or none; the
result holds the states after every step, each (B, T, ·), and after the last one, each (B, ·).

The loop is the back end's own. What stands in xs at a masked step must be finite: the step is
computed there and its result left out, but zero times NaN would reach the gradient.

Held to a plain loop by `test_kernels.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ncps_keras.backends import xp

Arrays = Sequence[Any]
Step = Callable[[Any, Arrays, Arrays], Arrays]
# the states after every step, and after the last one
Result = tuple[list[Any], list[Any]]


@dataclass(frozen=True)
class Masked:
    """A step that keeps the states where the last of `at_t`, (B, 1), is False."""

    step: Step

    def __call__(self, weights: Any, at_t: Arrays, states: Arrays) -> Arrays:
        """The new states."""
        *rest, real = at_t
        new = self.step(weights, rest, states)
        return [xp.where(real, n, s) for n, s in zip(new, states, strict=True)]


def scan(step: Step, weights: Any, xs: Arrays, states: Arrays, mask: Any = None) -> Result:
    """The states after every step, and after the last one."""
    if mask is not None:
        step, xs = Masked(step), [*xs, mask]
    if xs[0].shape[1] == 1:
        last = list(step(weights, [x[:, 0] for x in xs], states))
        return [s[:, None] for s in last], last
    found: Result = xp.scan(step, weights, xs, states)
    return found
