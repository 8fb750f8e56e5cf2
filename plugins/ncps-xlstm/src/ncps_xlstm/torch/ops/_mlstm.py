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
    with without_autocast(qkv[0].device):
        dtype, memory = qkv[0].dtype, MatrixState(*states)
        i, f = (kernels.cast(a, memory.C.dtype) for a in gates)
        log_f = functional.logsigmoid(f)
        if behind is not None:
            mask = behind.mask[..., None]
            i, log_f = i.masked_fill(mask, -torch.inf), log_f.masked_fill(mask, 0.0)
        run = _one_step if i.shape[1] == 1 else _sequence
        return run(spec, [kernels.cast(a, dtype) for a in qkv], i, log_f, memory)


def _one_step(
    spec: Any, qkv: list[Tensor], i: Tensor, log_f: Tensor, memory: MatrixState
) -> tuple[Tensor, States]:
    """For one step there is but one form, and no time to lose on the order of axes."""
    rows, heads = i.shape[0], spec.num_heads
    q, k, v = (a.reshape(rows, heads, a.shape[2] // heads) for a in qkv)
    i, log_f = i.squeeze(1), log_f.squeeze(1)
    plain = in_transform() or wants_gradient((q, k, v, i, log_f, *memory))
    run = kernels.mlstm_step if plain else kernels.mlstm_step_forward
    h, new = run(q, k, v, i, log_f, memory)
    return h.flatten(1).unsqueeze(1), new


def _sequence(
    spec: Any, qkv: list[Tensor], i: Tensor, log_f: Tensor, memory: MatrixState
) -> tuple[Tensor, States]:
    heads = spec.num_heads
    q, k, v = (a.reshape(*a.shape[:2], heads, a.shape[2] // heads).transpose(1, 2) for a in qkv)
    h, new = _form(spec)(q, k, v, i.transpose(1, 2), log_f.transpose(1, 2), memory)
    return h.transpose(1, 2).flatten(2), tuple(new)


def _form(spec: Any) -> Form:
    """The function that computes the form that the spec names."""
    if spec.form == "recurrent":
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
