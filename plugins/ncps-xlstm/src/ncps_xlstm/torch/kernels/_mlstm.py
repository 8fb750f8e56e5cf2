r"""The mLSTM recurrence as its equations say: the plain twins of `_mlstm_chunks`.

.. math::
    m' = \max(i, f + m),\quad C' = e^{f + m - m'} C + e^{i - m'} \hat k v^\top,\quad
    n' = e^{f + m - m'} n + e^{i - m'} \hat k

    h = C'^\top q / r,\quad r = \max(|q \cdot n'|, e^{-m'}) + \varepsilon,\quad
    \hat k = k / \sqrt{D_k}

where f is the logarithm of the forget gate. Summed up over a sequence, with b the running sum of
f, the same is

.. math::
    m_t = b_t + \max(m_0, \max_{s \le t} (i_s - b_s)),\quad
    A_{ts} = e^{b_t - b_s + i_s - m_t}\, q_t \cdot \hat k_s,\quad a_t = e^{b_t + m_0 - m_t}

    r_t h_t = \sum_{s \le t} A_{ts} v_s + a_t C_0^\top q_t,\quad
    r_t = \max(|\sum_{s \le t} A_{ts} + a_t\, q_t \cdot n_0|, e^{-m_t}) + \varepsilon

Shapes: q, k (B, N, S, K) and v (B, N, S, V) for N heads; i, f (B, N, S), where i = −∞ and f = 0
leave the state as it is; state C (B, N, K, V), n (B, N, K), m (B, N), all zeros when empty; h
(B, N, S, V). Half precision is computed in float32, and the state stays in float32. m is a
constant for derivatives: it cancels in h, but for ε.

Every operation is a differentiable one: these run under torch.func, export and double backward.
Held to the float64 reference by the conformance kit, to each other by `test_mlstm_chunks.py`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ncps_xlstm.torch.kernels._dtypes import working_dtype

EPSILON = 1e-6


class MatrixState(NamedTuple):
    """The matrix memory C, its normaliser n and the stabiliser m."""

    C: Tensor
    n: Tensor
    m: Tensor


def gate_dtype(like: Tensor) -> torch.dtype:
    """The dtype in which gates are added up."""
    # sums of log gates reach thousands, and their differences count: float32 would leave 1e-4
    return torch.float32 if like.device.type == "mps" else torch.float64


def empty_state(q: Tensor, v: Tensor) -> MatrixState:
    """The state before the first step."""
    zeros = q.new_zeros((*q.shape[:2], q.shape[-1], v.shape[-1]), dtype=working_dtype(q.dtype))
    return MatrixState(zeros, zeros[..., 0], zeros[..., 0, 0])


def mlstm_step(
    q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor, state: MatrixState
) -> tuple[Tensor, MatrixState]:
    """h (B, N, V) and the new state for one step: q, k (B, N, K), v (B, N, V), i, f (B, N)."""
    dtype, (C, n, m) = q.dtype, state
    q, k, v, i, f = (t.to(C.dtype) for t in (q, k, v, i, f))
    m = m.detach()
    new = torch.maximum(i, f + m).detach()
    F, I = torch.exp(f + m - new)[..., None], torch.exp(i - new)[..., None]  # noqa: E741
    k = k * (I / math.sqrt(k.shape[-1]))
    n = torch.addcmul(k, F, n)
    C = torch.addcmul(F[..., None] * C, k[..., None], v[..., None, :])
    den = torch.maximum((q * n).sum(-1).abs(), torch.exp(-new)) + EPSILON
    h = (q[..., None, :] @ C)[..., 0, :] / den[..., None]
    return h.to(dtype), MatrixState(C, n, new)


def mlstm_recurrent(
    q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor, state: MatrixState
) -> tuple[Tensor, MatrixState]:
    """h after every step, and the last state, step by step."""
    outputs = []
    for t in range(q.shape[2]):
        h, state = mlstm_step(q[:, :, t], k[:, :, t], v[:, :, t], i[:, :, t], f[:, :, t], state)
        outputs.append(h)
    return torch.stack(outputs, dim=2), state


def mlstm_parallel(
    q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor, state: MatrixState
) -> tuple[Tensor, MatrixState]:
    """h after every step, and the last state, all steps at once in S² numbers."""
    dtype, (C, n, m) = q.dtype, state
    q, k, v = (t.to(C.dtype) for t in (q, k, v))
    k = k / math.sqrt(k.shape[-1])
    b = f.to(gate_dtype(f)).cumsum(-1)
    c = i.to(b.dtype) - b
    before = m.detach().to(b.dtype)[..., None]
    # what weighs the state is the m that goes with it, rounding included
    m_t = (b + torch.maximum(before, c.cummax(-1).values)).detach().to(C.dtype)
    M = m_t.to(b.dtype) - b
    future = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool, device=q.device).triu(1)
    W = (c[..., None, :] - M[..., None]).masked_fill(future, -math.inf).to(C.dtype).exp()
    a = (before - M).to(C.dtype).exp()[..., None]
    A, qa = (q @ k.transpose(-1, -2)) * W, q * a
    den = A.sum(-1) + (qa @ n[..., None])[..., 0]
    den = torch.maximum(den.abs(), torch.exp(-m_t)) + EPSILON
    h = (A @ v + qa @ C) / den[..., None]
    # the weights of the last step are those of the state
    k, F = k * W[..., -1, :, None], a[..., -1, :]
    C = F[..., None] * C + k.transpose(-1, -2) @ v
    return h.to(dtype), MatrixState(C, F * n + k.sum(-2), m_t[..., -1])


def mlstm_plain(
    q: Tensor, k: Tensor, v: Tensor, i: Tensor, f: Tensor, state: MatrixState, chunk: int
) -> tuple[Tensor, MatrixState]:
    """h after every step, and the last state: in parallel within chunks, one after another."""
    outputs = []
    for start in range(0, q.shape[2], chunk):
        q_c, k_c, v_c, i_c, f_c = (x[:, :, start : start + chunk] for x in (q, k, v, i, f))
        h, state = mlstm_parallel(q_c, k_c, v_c, i_c, f_c, state)
        outputs.append(h)
    return torch.cat(outputs, dim=2), state
