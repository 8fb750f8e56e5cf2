r"""tanh by the logistic function, tanh u = 2σ(2u) − 1, whose constants cost a CfC nothing.

σ takes a fifth of tanh's time on a CPU, and heads side by side need one call for all. The 2 goes
into the weights before it; 2 and −1 into those after it, the next step's included:

.. math::
    z W + b = y\,(2W) + (b - 1^\top W),\quad z = 2y - 1

The rounding error is tanh's beside 1, which half precision cannot afford: there tanh stays. It
stays in front of dropout too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ncps_torch.kernels._activations import STEPWISE, Stepwise, folds
from ncps_torch.kernels._cfc import Affine, Arguments, Plan


def activation_of(plan: Plan, dtype: torch.dtype) -> Stepwise:
    """The backbone's activation as the scan runs it."""
    return STEPWISE["logistic" if _logistic(plan, dtype) else plan.phi]


def fold(plan: Plan, a: Arguments) -> Arguments:
    """The arguments for the scan's loop."""
    if not folds(a.x.dtype):
        return a
    between = _logistic(plan, a.x.dtype)
    rest = tuple(_after(W, b) for W, b in a.rest) if between else a.rest
    U, b = (a.U, a.b) if plan.mode == "pure" else _after(a.U, a.b)
    W, *factors = a.W, *_doubled(plan, a, between)
    maps = [(W_i * by, b_i * by) for (W_i, b_i), by in zip(rest, factors[1:], strict=True)]
    by = factors[0]
    return a._replace(W=W * by, U=U * by, b=b * by, rest=tuple(maps))


def _logistic(plan: Plan, dtype: torch.dtype) -> bool:
    return plan.phi == "tanh" and not plan.dropped and folds(dtype)


def _after(W: Tensor, b: Tensor) -> Affine:
    """The affine map of z = 2y − 1 as one of y."""
    return 2 * W, b - W.sum(0)


def _doubled(plan: Plan, a: Arguments, between: bool) -> list[Tensor]:
    """What each affine map's outputs are multiplied by: 2 in front of a σ that was a tanh."""
    inner = a.x.new_tensor(2.0 if between else 1.0)
    last = a.rest[-1][1] if a.rest else a.b
    heads = torch.ones_like(last)
    if plan.mode != "pure":
        heads[: 2 * a.h.shape[1]] = 2
    return [*(inner for _ in a.rest), heads]
