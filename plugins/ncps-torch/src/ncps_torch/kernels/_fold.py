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

from ncps_torch.kernels._activations import STEPWISE, Stepwise, folds
from ncps_torch.kernels._cfc import Arguments, Plan


def activation_of(plan: Plan, dtype: torch.dtype) -> Stepwise:
    """The backbone's activation as the scan runs it."""
    return STEPWISE["logistic" if _logistic(plan, dtype) else plan.phi]


def fold(plan: Plan, a: Arguments) -> Arguments:
    """The arguments for the scan's loop."""
    if not folds(a.x.dtype):
        return a
    inner = a.x.new_tensor(2.0 if _logistic(plan, a.x.dtype) else 1.0)
    gated = plan.mode != "pure"
    heads = a.x.new_ones((a.rest[-1][1] if a.rest else a.b).shape)
    if gated:
        heads[: 2 * a.h.shape[1]] = 2
    # what each affine map's outputs are multiplied by
    outer = [*(inner for _ in a.rest), heads]
    first = outer[0]
    U = 2 * a.U if gated else a.U
    rest = [(inner * W * by, b * by) for (W, b), by in zip(a.rest, outer[1:], strict=True)]
    # a GEMM takes a third longer where W has its columns in a row
    rest = [(W.contiguous(), b) for W, b in rest]
    return a._replace(W=a.W * first, U=U * first, b=a.b * first, rest=tuple(rest))


def _logistic(plan: Plan, dtype: torch.dtype) -> bool:
    return plan.phi == "tanh" and not plan.dropped and folds(dtype)
