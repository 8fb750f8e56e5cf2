"""The mLSTM over a sequence in chunks, as torch's autograd takes it.

The maths and the shapes are those of `_mlstm`; how it is done is said in `_mlstm_chunks` and
`_mlstm_chunks_backward`. Second derivatives, and torch's transforms, go through the plain twin.

Held to the plain twins, outputs and gradients, by `test_mlstm_chunks.py`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ncps_xlstm.torch.kernels._mlstm import MatrixState, mlstm_plain
from ncps_xlstm.torch.kernels._mlstm_chunks import Kept, run
from ncps_xlstm.torch.kernels._mlstm_chunks_backward import backward


class MLSTMChunks(torch.autograd.Function):
    """h (B, N, S, V), and the last C, n and m, from q, k, v, i, f and the first C, n, m."""

    @staticmethod
    def forward(ctx: Any, chunk: int, *flat: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Keep what the backward pass cannot make anew from the inputs."""
        h, state, kept = run(chunk, flat, keep=True)
        ctx.chunk = chunk
        ctx.mark_non_differentiable(state.m)
        ctx.save_for_backward(*flat, h, *kept)
        return h, *state

    @staticmethod
    def backward(ctx: Any, dh: Tensor, dC: Tensor, dn: Tensor, _: Tensor) -> Any:
        """Gradients of all tensors but m."""
        flat, (h, *kept) = ctx.saved_tensors[:8], ctx.saved_tensors[8:]
        if torch.is_grad_enabled():
            needed = ctx.needs_input_grad[1:8]
            return None, *_differentiable(ctx.chunk, flat, (dh, dC, dn), needed), None
        with torch.autocast(h.device.type, enabled=False):
            return None, *backward(ctx.chunk, flat, h, Kept(*kept), (dh, dC, dn)), None


def mlstm_forward(chunk: int, *flat: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same, when nobody asks for a gradient."""
    h, state, _ = run(chunk, flat, keep=False)
    return h, *state


def _differentiable(
    chunk: int, flat: Any, cotangents: tuple[Tensor, ...], needed: tuple[bool, ...]
) -> list[Tensor | None]:
    """The gradients as a graph of their own, for second derivatives."""
    wanted = [t for t, need in zip(flat, needed, strict=False) if need]
    q, k, v, i, f, *state = flat
    h, (C, n, _) = mlstm_plain(q, k, v, i, f, MatrixState(*state), chunk)
    options = {"create_graph": True, "allow_unused": True}
    found = iter(torch.autograd.grad((h, C, n), wanted, cotangents, **options))
    return [next(found) if need else None for need in needed]
