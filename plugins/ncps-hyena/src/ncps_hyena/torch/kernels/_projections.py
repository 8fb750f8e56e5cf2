r"""Affine maps between arrays contiguous in features and arrays contiguous in time.

.. math:: \text{inward: } z_{:,t} = W x_t + b,\qquad \text{outward: } y_t = W v_{:,t} + b

x, y (B, L, D or O), v, z (B, D or O, L), W (out, in), b (out,). A matrix product reads and writes
either layout at the same cost; a transposed copy of z would take twice the time of the product.
That holds for the gradients too: each comes out in the layout of what it is of. Rows of time begin
where `_memory` has them: a product that writes rows that begin anywhere takes half as long again.

Held to torch's own affine map, outputs, gradients and layouts, by `test_torch_projections.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ncps_hyena.torch.kernels._memory import rows


def inward_plain(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """z (B, O, L), for every transform of torch."""
    return torch.matmul(W, x.mT) + b[:, None]


def outward_plain(v: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """y (B, L, O), for every transform of torch."""
    return torch.nn.functional.linear(v.mT, W, b)


class Inward(torch.autograd.Function):
    """z (B, O, L), contiguous in time."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, W: Tensor, b: Tensor) -> Tensor:
        """Keep x and W."""
        ctx.save_for_backward(x, W)
        z = rows(x, x.shape[0], W.shape[0], x.shape[1])
        return torch.baddbmm(b[:, None], W.expand(x.shape[0], -1, -1), x.mT, out=z)

    @staticmethod
    def backward(ctx: Any, dz: Tensor) -> Any:
        """Gradients of x, W, b."""
        x, W = ctx.saved_tensors
        # first what reads dz from the memory row by row, then what goes down its columns
        db = dz.sum((0, 2))
        dW = torch.bmm(dz, x).sum(0)
        dx = torch.bmm(dz.mT, W.expand(x.shape[0], -1, -1)) if ctx.needs_input_grad[0] else None
        return dx, dW, db


class Outward(torch.autograd.Function):
    """y (B, L, O), contiguous in features."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, W: Tensor, b: Tensor) -> Tensor:
        """Keep v and W."""
        ctx.save_for_backward(v, W)
        return torch.baddbmm(b, v.mT, W.mT.expand(v.shape[0], -1, -1))

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        """Gradients of v, W, b."""
        v, W = ctx.saved_tensors
        # a derivative of this one is asked for: torch gives none of what is written into memory
        out = None if torch.is_grad_enabled() else rows(v, *v.shape)
        dv = torch.bmm(W.mT.expand(v.shape[0], -1, -1), dy.mT, out=out)
        return dv, torch.bmm(v, dy).sum(0).mT, dy.sum((0, 1))
