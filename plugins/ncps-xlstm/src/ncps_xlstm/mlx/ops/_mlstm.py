"""The mLSTM over a sequence: gates, masks, and the form that computes it."""

from __future__ import annotations

from functools import partial
from typing import Any

import mlx.core as mx

from ncps_xlstm.mlx import kernels
from ncps_xlstm.mlx.kernels import MatrixState
from ncps_xlstm.mlx.ops._behind import Behind

States = tuple[mx.array, ...]


def mlstm(
    spec: Any,
    qkv: tuple[mx.array, mx.array, mx.array],
    gates: tuple[mx.array, mx.array],
    states: States,
    behind: Behind | None,
    own_backward: bool,
) -> tuple[mx.array, States]:
    """h (B, T, NH·d) and the new (C, n, m), for q, k, v (B, T, NH·d) and ĩ, f̃ (B, T, NH)."""
    dtype = qkv[0].dtype
    q, k, v = (_by_head(a, spec.num_heads) for a in qkv)
    i, f = (a.swapaxes(1, 2).astype(states[0].dtype) for a in gates)
    log_f = kernels.log_sigmoid(f)
    if behind is not None:
        mask = behind.mask[:, None]
        i = mx.where(mask, mx.array(-mx.inf, i.dtype), i)
        log_f = mx.where(mask, mx.zeros((), f.dtype), log_f)
    h, new = _form(spec, q.shape[2], own_backward)(q, k, v, i, log_f, MatrixState(*states))
    return h.astype(dtype).swapaxes(1, 2).reshape(*qkv[2].shape), tuple(new)


def _form(spec: Any, steps: int, own_backward: bool) -> Any:
    """The function that computes the form that the spec names; for one step there is but one."""
    # a cell has no form
    if steps == 1 or spec.form == "recurrent":
        return kernels.mlstm_recurrent
    if spec.form == "parallel":
        return kernels.mlstm_parallel
    chunkwise = kernels.mlstm_chunkwise
    return partial(chunkwise, chunk=spec.chunk_size, own_backward=own_backward)


def _by_head(x: mx.array, heads: int) -> mx.array:
    """(B, T, NH·d) → (B, NH, T, d)."""
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)
