r"""A causal convolution of each feature on its own, with the inputs before carried over.

.. math::
    y_t = b + \sum_{j<K} w_j \odot x_{t - K + 1 + j}

Shapes: x (B, K − 1 + T, D), its first K − 1 steps those before the sequence, zeros when there are
none; w (K, D), where w_{K-1} meets the step itself; b (D); y (B, T, D). Half precision is computed
in float32.

K shifted sums are two to four times as fast as torch's convolution, whose channels stand in the
other order. Backward, w̄ is a sum over B and T of x ⊙ ȳ, shifted; x itself is
all that is kept. The plain twin has second derivatives, and runs under torch's transforms.

Held to the plain twin by `test_causal_conv.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ncps_xlstm.torch.kernels import _pieces
from ncps_xlstm.torch.kernels._dtypes import cast, working_dtype


def causal_conv_plain(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """y (B, T, D)."""
    dtype, wide = x.dtype, working_dtype(x.dtype)
    x, w, b = (t.to(wide) for t in (x, w, b))
    steps = x.shape[1] - len(w) + 1
    y = b
    for j, w_j in enumerate(w.unbind(0)):
        y = y + x[:, j : j + steps] * w_j
    return y.to(dtype)


class CausalConv(torch.autograd.Function):
    """y (B, T, D)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        """Keep the inputs."""
        ctx.save_for_backward(x, w, b)
        return causal_conv_forward(x, w, b)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        """Gradients of x, w and b."""
        x, w, b = flat = ctx.saved_tensors
        if torch.is_grad_enabled():
            wanted = [t for t, need in zip(flat, ctx.needs_input_grad, strict=True) if need]
            found = iter(
                torch.autograd.grad(causal_conv_plain(x, w, b), wanted, dy, create_graph=True)
            )
            return tuple(next(found) if need else None for need in ctx.needs_input_grad)
        with torch.autocast(dy.device.type, enabled=False):
            return _backward(x, w, b, dy)


def causal_conv_forward(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The same, when nobody asks for a gradient."""
    dtype, wide = x.dtype, working_dtype(x.dtype)
    w, b = cast(w, wide), cast(b, wide)
    if x.shape[1] == len(w):
        # one step, without a loop
        return cast((cast(x, wide) * w).sum(1, keepdim=True).add_(b), dtype)
    y = x.new_empty(x.shape[0], x.shape[1] - len(w) + 1, x.shape[2], dtype=wide)
    for part, shifted in _parts(x, len(w)):
        own = y[:, part]
        torch.addcmul(b, x[:, shifted[0]].to(wide), w[0], out=own)
        for w_j, steps in zip(w[1:], shifted[1:], strict=True):
            own.addcmul_(x[:, steps].to(wide), w_j)
    return y.to(dtype)


def _backward(x: Tensor, w: Tensor, b: Tensor, dy: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    wide = working_dtype(x.dtype)
    dx, dw, db = (t.new_zeros(t.shape, dtype=wide) for t in (x, w, b))
    wide_w = w.to(wide)
    for part, shifted in _parts(x, len(w)):
        own = dy[:, part].to(wide)
        space = own.new_empty(own.shape)
        db += own.sum((0, 1))
        for w_j, dw_j, steps in zip(wide_w, dw, shifted, strict=True):
            dx[:, steps].addcmul_(own, w_j)
            dw_j += torch.mul(x[:, steps].to(wide), own, out=space).sum((0, 1))
    return dx.to(x.dtype), dw.to(w.dtype), db.to(b.dtype)


def _parts(x: Tensor, kernel: int) -> Iterator[tuple[slice, list[slice]]]:
    """Steps of y at a time, and those of x that each w_j meets in them."""
    B, steps, D = x.shape
    steps -= kernel - 1
    length = _pieces.steps_at_once(steps, B * D * 4, _pieces.SEGMENT)
    for start in range(0, steps, length):
        stop = min(start + length, steps)
        yield slice(start, stop), [slice(start + j, stop + j) for j in range(kernel)]
