r"""The mLSTM as its equations say: one step, step by step, and all steps at once.

.. math::
    a = f + m,\quad m' = \max(i, a),\quad C' = e^{a - m'} C + e^{i - m'} \hat k v^\top,\quad
    n' = e^{a - m'} n + e^{i - m'} \hat k

    h = C'^\top q / r,\quad r = \max(|q \cdot n'|, e^{-m'}) + \varepsilon,\quad
    \hat k = k / \sqrt{D_k}

where f is the logarithm of the forget gate. Over a sequence, with :math:`b_{ts}` the sum of f over
the steps after s and up to t, and 0 in the place of s for the state before the first step,

.. math::
    m_t = \max(b_{t0} + m_0, \max_{s \le t} (b_{ts} + i_s)),\quad
    A_{ts} = e^{b_{ts} + i_s - m_t}\, q_t \cdot \hat k_s,\quad a_t = e^{b_{t0} + m_0 - m_t}

    r_t h_t = \sum_{s \le t} A_{ts} v_s + a_t C_0^\top q_t,\quad
    r_t = \max(|\sum_{s \le t} A_{ts} + a_t\, q_t \cdot n_0|, e^{-m_t}) + \varepsilon

Shapes: q, k (B, N, S, K) and v (B, N, S, V) for N heads; i, f (B, N, S), where i = -∞ and f = 0
leave the state as it is; state C (B, N, K, V), n (B, N, K), m (B, N), zeros when empty; h
(B, N, S, V). Half precision is computed in float32, and results stay in float32.

m is a constant for derivatives. The gradients are MLX's.

Held to each other and to the chunkwise form by `test_mlx_mlstm.py`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import mlx.core as mx

from ncps_xlstm.mlx.kernels._dtypes import working
from ncps_xlstm.mlx.kernels._unbind import unbind

EPSILON = 1e-6


class MatrixState(NamedTuple):
    """The matrix memory C, its normaliser n and the stabiliser m."""

    C: mx.array
    n: mx.array
    m: mx.array


def mlstm_step(
    q: mx.array, k: mx.array, v: mx.array, i: mx.array, f: mx.array, state: MatrixState
) -> tuple[mx.array, MatrixState]:
    """h (B, N, V) and the new state for one step: q, k (B, N, K), v (B, N, V), i, f (B, N)."""
    dtype = working(q.dtype)
    q, k, v, i, f, C, n, m = (a.astype(dtype) for a in (q, k, v, i, f, *state))
    k = k / math.sqrt(k.shape[-1])
    a = f + mx.stop_gradient(m)
    m = mx.stop_gradient(mx.maximum(i, a))
    F, I = mx.exp(a - m)[..., None], mx.exp(i - m)[..., None]  # noqa: E741
    k = I * k
    n = F * n + k
    C = F[..., None] * C + k[..., None] * v[..., None, :]
    h = (q[..., None, :] @ C)[..., 0, :] / scale(mx.sum(q * n, axis=-1), m)[..., None]
    return h, MatrixState(C, n, m)


def mlstm_recurrent(
    q: mx.array, k: mx.array, v: mx.array, i: mx.array, f: mx.array, state: MatrixState
) -> tuple[mx.array, MatrixState]:
    """h after every step, and the last state, step by step."""
    outputs = []
    steps = (unbind(mx.moveaxis(a, 2, 0)) for a in (q, k, v, i, f))
    for q_t, k_t, v_t, i_t, f_t in zip(*steps, strict=True):
        h, state = mlstm_step(q_t[0], k_t[0], v_t[0], i_t[0], f_t[0], state)
        outputs.append(h)
    return mx.stack(outputs, axis=2), state


def mlstm_parallel(
    q: mx.array, k: mx.array, v: mx.array, i: mx.array, f: mx.array, state: MatrixState
) -> tuple[mx.array, MatrixState]:
    """h after every step, and the last state, all steps at once in S² numbers."""
    dtype = working(q.dtype)
    q, k, v, i, f, C, n, m = (a.astype(dtype) for a in (q, k, v, i, f, *state))
    k = k / math.sqrt(k.shape[-1])
    weights = sums_between(f) + i[..., None, :]
    before = mx.cumsum(f, axis=-1) + mx.stop_gradient(m)[..., None]
    m_t = mx.stop_gradient(mx.maximum(before, mx.max(weights, axis=-1)))
    W, a = mx.exp(weights - m_t[..., None]), mx.exp(before - m_t)[..., None]
    A, qa = (q @ k.swapaxes(-1, -2)) * W, q * a
    overlap = mx.sum(A, axis=-1) + (qa @ n[..., None])[..., 0]
    h = (A @ v + qa @ C) / scale(overlap, m_t)[..., None]
    # the weights of the last step are those of the state
    k, F = k * W[..., -1, :, None], a[..., -1, :]
    C, n = F[..., None] * C + k.swapaxes(-1, -2) @ v, F * n + mx.sum(k, axis=-2)
    return h, MatrixState(C, n, m_t[..., -1])


def scale(overlap: mx.array, m: mx.array) -> mx.array:
    """What an output is divided by: max(|q·n|, e^-m) + ε."""
    return mx.maximum(mx.abs(overlap), floor(m)) + EPSILON


def floor(m: mx.array) -> mx.array:
    """e^-m, but finite: what is divided by e^80 is as good as 0."""
    return mx.exp(mx.minimum(-m, 80.0))


def sums_between(f: mx.array) -> mx.array:
    """f (…, S) summed over the steps after s and up to t: (…, S, S) by t and s, -∞ for s > t.

    No difference of two sums from the start is taken: they grow to thousands, and float32 leaves
    four digits of their differences.
    """
    steps = f.shape[-1]
    after = mx.tri(steps, k=-1, dtype=mx.bool_)
    sums = mx.cumsum(mx.where(after, f[..., None], mx.zeros((), f.dtype)), axis=-2)
    return mx.where(mx.tri(steps, dtype=mx.bool_), sums, mx.array(-mx.inf, f.dtype))
