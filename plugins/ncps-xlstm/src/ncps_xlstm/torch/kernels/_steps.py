r"""One step of an mLSTM and of an sLSTM when nobody asks for a gradient.

What a token costs is the number of operations, not their size. The maths is that of `_mlstm` and
`_slstm`; what is made here is overwritten, and the sLSTM's heads are there for its product alone.

Shapes: the mLSTM's are those of `_mlstm`; of the sLSTM the gates of x, and h, c, n, m, are
(B, N·D), R is four of (N, D, D), in the order i, f, z, o.

Held to the plain twins by `test_steps.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ncps_xlstm.torch.kernels._dtypes import cast
from ncps_xlstm.torch.kernels._mlstm import EPSILON, MatrixState
from ncps_xlstm.torch.kernels._slstm import ScalarState


def mlstm_step_forward(
    q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor, state: MatrixState
) -> tuple[Tensor, MatrixState]:
    """What `mlstm_step` gives."""
    dtype, (C, n, m) = q.dtype, state
    q, k, v, i, f = (cast(t, C.dtype) for t in (q, k, v, i, f))
    a = f + m
    new = torch.maximum(i, a)
    F = a.sub_(new).exp_().unsqueeze(-1)
    k = k * torch.sub(i, new).exp_().mul_(1 / math.sqrt(k.shape[-1])).unsqueeze(-1)
    n = torch.addcmul(k, F, n)
    C = (F.unsqueeze(-1) * C).addcmul_(k.unsqueeze(-1), v.unsqueeze(-2))
    den = torch.maximum((q * n).sum(-1).abs_(), new.neg().exp_()).add_(EPSILON)
    h = torch.matmul(q.unsqueeze(-2), C).squeeze(-2).div_(den.unsqueeze(-1))
    return cast(h, dtype), MatrixState(C, n, new)


def slstm_step_forward(
    gates: Sequence[Tensor], R: Sequence[Tensor], state: ScalarState
) -> ScalarState:
    """What `slstm_plain` gives for one step: the new state, its h in the dtype of c."""
    h, c, n, m = state
    rows = h.reshape(len(h), *R[0].shape[:2]).transpose(0, 1)
    i, f, z, o = (
        torch.bmm(rows, r).transpose(0, 1).reshape(g.shape).add_(g)
        for r, g in zip(R, gates, strict=True)
    )
    empty = n == 0
    a = logsigmoid(f).add_(m)
    new = torch.where(empty, i, torch.maximum(i, a))
    F = a.sub_(new).exp_().masked_fill_(empty, 0)
    I = i.sub_(new).exp_()  # noqa: E741
    c = (F * c).addcmul_(I, z.tanh_())
    n = F.mul_(n).add_(I)
    return ScalarState(o.sigmoid_().mul_(c).div_(n), c, n, new)
