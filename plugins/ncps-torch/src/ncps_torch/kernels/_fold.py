r"""tanh by the logistic function, tanh u = 2σ(2u) − 1, whose constants cost a CfC nothing.

σ takes a fifth of tanh's time on a CPU, and heads side by side need one call for all. The loop has
z/2 = σ(2u) − ½ in the place of z = tanh u, and h/2 in that of h: what is 2 goes into the weights
around, where it is exact. −½ could go there too, but a bias with the sum of all weights taken off
costs digits.

The rounding error is tanh's beside 1, which half precision cannot afford: there tanh stays. It
stays in front of dropout too.

Held to the plain twin by `test_cfc_scan.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ncps_torch.kernels._activations import STEPWISE, Stepwise, folds
from ncps_torch.kernels._cfc import Arguments, Plan


def activation_of(plan: Plan, dtype: torch.dtype) -> Stepwise:
    """The backbone's activation as the scan runs it."""
    return STEPWISE["logistic" if _logistic(plan, dtype) else plan.phi]


def state_factor(plan: Plan, dtype: torch.dtype) -> int:
    """What h is divided by in the scan's loop."""
    return 2 if folds(dtype) and plan.mode != "pure" else 1


def fold(plan: Plan, a: Arguments) -> Arguments:
    """The arguments for the scan's loop."""
    if not folds(a.x.dtype):
        return a
    inner, outer = _factors(plan, a)
    first = outer[0]
    U = a.U * (state_factor(plan, a.x.dtype) * first)
    rest = [(W * (inner * by), b * by) for (W, b), by in zip(a.rest, outer[1:], strict=True)]
    return a._replace(W=a.W * first, U=U, b=a.b * first, rest=tuple(rest))


def unfold(plan: Plan, a: Arguments, by: Arguments) -> Arguments:
    """∂L/∂a from ∂L/∂fold(a), in which U's has been summed with h, not with what the loop has."""
    if not folds(a.x.dtype):
        return by
    inner, outer = _factors(plan, a)
    first = outer[0]
    rest = [(W * (inner * o), b * o) for (W, b), o in zip(by.rest, outer[1:], strict=True)]
    return by._replace(W=by.W * first, U=by.U * first, b=by.b * first, rest=tuple(rest))


def _factors(plan: Plan, a: Arguments) -> tuple[int, list[Tensor | int]]:
    """What z is divided by, and what each affine map's outputs are multiplied by."""
    inner = 2 if _logistic(plan, a.x.dtype) else 1
    heads = a.x.new_ones((a.rest[-1][1] if a.rest else a.b).shape)
    if plan.mode != "pure":
        heads[: 2 * a.h.shape[1]] = 2
    return inner, [*(inner for _ in a.rest), heads]


def _logistic(plan: Plan, dtype: torch.dtype) -> bool:
    return plan.phi == "tanh" and not plan.dropped and folds(dtype)
