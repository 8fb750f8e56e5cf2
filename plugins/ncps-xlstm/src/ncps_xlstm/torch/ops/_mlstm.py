"""The mLSTM over a sequence: gates, masks, and the form that computes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ncps_xlstm.torch import kernels
from ncps_xlstm.torch.kernels import MatrixState
from ncps_xlstm.torch.ops._behind import Behind
from ncps_xlstm.torch.ops._host import in_transform, wants_gradient, without_autocast

States = tuple[Tensor, ...]
Form = Callable[..., tuple[Tensor, MatrixState]]


def mlstm(
    spec: Any,
    qkv: tuple[Tensor, Tensor, Tensor],
    gates: tuple[Tensor, Tensor],
    states: States,
    behind: Behind | None,
) -> tuple[Tensor, States]:
    """h (B, T, NH·d) and the new (C, n, m), for q, k, v (B, T, NH·d) and ĩ, f̃ (B, T, NH)."""
    heads = spec.num_heads
    with without_autocast(qkv[0].device):
        dtype = qkv[0].dtype
        q, k, v = (_by_head(a.to(dtype), heads) for a in qkv)
        i, f = (a.transpose(1, 2).to(states[0].dtype) for a in gates)
        log_f = functional.logsigmoid(f)
        if behind is not None:
            mask = behind.mask[:, None]
            i, log_f = i.masked_fill(mask, -torch.inf), log_f.masked_fill(mask, 0.0)
        h, new = _form(spec, q.shape[2])(q, k, v, i, log_f, MatrixState(*states))
    return h.transpose(1, 2).flatten(2), tuple(new)


def _form(spec: Any, steps: int) -> Form:
    """The function that computes the form that the spec names; for one step there is but one."""
    # a cell has no form
    if steps == 1 or spec.form == "recurrent":
        return kernels.mlstm_recurrent
    if spec.form == "parallel":
        return kernels.mlstm_parallel
    return partial(_chunkwise, spec.chunk_size)


def _chunkwise(chunk: int, *flat: Any) -> tuple[Tensor, MatrixState]:
    """h and the last state, by the kernel wherever it may run."""
    q, k, v, i, f, state = flat
    if in_transform():
        return kernels.mlstm_plain(q, k, v, i, f, state, chunk)
    tensors = (q, k, v, i, f, *state)
    run = kernels.MLSTMChunks.apply if wants_gradient(tensors) else kernels.mlstm_forward
    h, *new = run(chunk, *tensors)
    return h, MatrixState(*new)


def _by_head(x: Tensor, heads: int) -> Tensor:
    """(B, T, NH·d) → (B, NH, T, d)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)
