r"""The mLSTM over a sequence in chunks, with a backward pass of its own.

The state is one matrix X = [C, n] of K × (V + 1) numbers, whose last column is the memory of values
that are 1. With v̂ = [v, 1], and inside a chunk of L steps with X before it the weights of
`_mlstm`, :math:`W_{ts} = e^{b_{ts} + i_s - m_t}` and :math:`a_t`:

.. math::
    [r h, d] = A \hat v + (a \odot q) X,\quad A = q \hat k^\top \odot W,\quad
    r = \max(|d|, e^{-m}) + \varepsilon

    X' = a_L X + U,\quad U = (w \odot \hat k)^\top \hat v,\quad w_s = W_{Ls}

Over the chunks of a segment the last line is :math:`X_j = \sum_{l \le j} G_{jl} U_l` with U₀ = X
and G the products of the a_L between: all chunks at once, and no loop.

Backward, with :math:`\dot N = [\dot h, -(\dot h \cdot h)\,\mathrm{sign}(d)\, 1_{|d| > e^{-m}}] / r`
and :math:`\dot X'` the gradient of the state after a chunk:

.. math::
    P = \dot N \hat v^\top \odot W,\quad \dot q = P \hat k + a \odot \dot N X^\top,\quad
    \dot{\hat k} = P^\top q + w \odot \hat v \dot X'^\top,\quad
    \dot{\hat v} = A^\top \dot N + (w \odot \hat k) \dot X'

    \dot\imath_s = \hat k_s \cdot \dot{\hat k}_s,\quad
    \dot f_t = \textstyle\sum_{u \ge t} (q_u \cdot \dot q_u - \hat k_u \cdot \dot{\hat k}_u)
    + \langle X', \dot X' \rangle

Shapes: those of `_mlstm`; inside, (B, N, chunks, L, ·). As many chunks are worked on at a time as
`SEGMENT` and `AT_ONCE` allow. For the backward pass are kept the inputs, h, d and the state before
each segment: nothing of S² numbers, and of S·L numbers no more than one segment's.

Held to `mlstm_parallel` and `mlstm_recurrent`, values, gradients and second gradients, by
`test_mlx_mlstm.py`; to its memory by `test_mlx_kernels.py`.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import mlx.core as mx

from ncps_xlstm.mlx.kernels._dtypes import working
from ncps_xlstm.mlx.kernels._mlstm import MatrixState, floor, scale, sums_between
from ncps_xlstm.mlx.kernels._own import Arrays, with_own_backward

# numbers that the arrays of one segment hold together
SEGMENT = 1 << 24
# chunks of a segment at most: G is a matrix of as many rows
AT_ONCE = 16


def mlstm_chunkwise(
    q: mx.array,
    k: mx.array,
    v: mx.array,
    i: mx.array,
    f: mx.array,
    state: MatrixState,
    chunk: int = 64,
    own_backward: bool = True,
) -> tuple[mx.array, MatrixState]:
    """h after every step, and the last state, for any number of steps.

    With `own_backward` the gradient is the one above; without, it is MLX's, which keeps all that
    lies between, and what comes out is made of plain operations, which `mx.export_function` can
    write.
    """
    dtype = working(q.dtype)
    plan = plan_of(q.shape, v.shape[-1], chunk)
    X = mx.concatenate([state.C, state.n[..., None]], axis=-1).astype(dtype)
    gates = (a.astype(dtype) for a in (i, f, state.m))
    arrays = (q, k, v, X, *gates)
    if own_backward:
        h, X, m = with_own_backward(partial(_forward, plan), partial(_backward, plan))(*arrays)
    else:
        h, X, m = _forward(plan, arrays)[0]
    return h, MatrixState(X[..., :-1], X[..., -1], m)


class Plan(NamedTuple):
    """How a sequence is cut: chunks of `length` steps, `at_once` of them in a segment."""

    chunks: int
    length: int
    at_once: int


def plan_of(shape: tuple[int, ...], values: int, chunk: int) -> Plan:
    """As few chunks of at most `chunk` steps as it takes, all of the same length."""
    B, N, S, K = shape
    chunks = -(-S // chunk)
    L = -(-S // chunks)
    numbers = B * N * (3 * L * L + 4 * L * (K + values) + 3 * K * values)
    return Plan(chunks, L, max(1, min(chunks, AT_ONCE, SEGMENT // numbers)))


class Segment(NamedTuple):
    """Some chunks: q, k̂ (…, L, K), v̂ (…, L, V + 1), and the weights in and between them."""

    q: mx.array
    k: mx.array
    v: mx.array
    W: mx.array  # (B, N, n, L, L)
    a: mx.array  # (B, N, n, L, 1)
    w: mx.array  # (B, N, n, L, 1)
    G: mx.array  # (B, N, n + 1, n + 1)
    m: mx.array  # (B, N, n, L)
    m_after: mx.array  # (B, N)


def segment_of(parts: Arrays, m: mx.array) -> Segment:
    """Of q, k, v, i, f (B, N, n, L, ·) and the m (B, N) before them."""
    q, k, v, i, f = parts
    k = k / math.sqrt(k.shape[-1])
    v = mx.concatenate([v, mx.ones((*v.shape[:-1], 1), v.dtype)], axis=-1)
    exponents = sums_between(f) + i[..., None, :]
    inside = mx.max(exponents, axis=-1)
    # the same sums and maxima over whole chunks, after the state that is there before
    f_chunk = mx.sum(f, axis=-1)
    between = sums_between(mx.concatenate([mx.zeros_like(f_chunk[..., :1]), f_chunk], axis=-1))
    new = mx.concatenate([m[..., None], inside[..., -1]], axis=-1)
    ends = mx.stop_gradient(mx.max(between + new[..., None, :], axis=-1))
    start = mx.cumsum(f, axis=-1) + ends[..., :-1, None]
    m_t = mx.stop_gradient(mx.maximum(start, inside))
    return Segment(
        q,
        k,
        v,
        mx.exp(exponents - m_t[..., None]),
        mx.exp(start - m_t)[..., None],
        mx.exp(exponents[..., -1, :] - ends[..., 1:, None])[..., None],
        mx.exp(between + ends[..., None, :] - ends[..., None]),
        m_t,
        ends[..., -1],
    )


def states_of(s: Segment, X: mx.array) -> mx.array:
    """The states before, between and after the chunks: (B, N, n + 1, K, V + 1)."""
    U = (s.k * s.w).swapaxes(-1, -2) @ s.v
    return _mixed(s.G, mx.concatenate([X[:, :, None], U], axis=2))


def _mixed(G: mx.array, X: mx.array) -> mx.array:
    """The states (B, N, n, ·) weighted by G (B, N, n, n)."""
    return (G @ X.reshape(*X.shape[:3], -1)).reshape(X.shape)


def _forward(plan: Plan, primals: Arrays) -> tuple[Arrays, Arrays]:
    q, k, v, X, i, f, m = primals
    steps, m = q.shape[2], mx.stop_gradient(m)
    outputs, overlaps, starts, ms = [], [], [], []
    for parts in zip(*_segments(plan, (q, k, v, i, f), X.dtype), strict=True):
        starts.append(X)
        ms.append(m)
        s = segment_of(parts, m)
        states = states_of(s, X)
        A = (s.q @ s.k.swapaxes(-1, -2)) * s.W
        num = A @ s.v + (s.q * s.a) @ states[:, :, :-1]
        overlap = num[..., -1]
        outputs.append(_steps(num[..., :-1] / scale(overlap, s.m)[..., None]))
        overlaps.append(overlap)
        X, m = states[:, :, -1], s.m_after
    h = mx.concatenate(outputs, axis=2)[:, :, :steps]
    kept = [mx.concatenate(overlaps, axis=2), mx.stack(starts), mx.stack(ms)]
    return [h, X, m], kept


def _backward(
    plan: Plan, primals: Arrays, cotangents: Arrays, given: Arrays, kept: Arrays
) -> Arrays:
    q, k, v, X, i, f, m = primals
    dh, dX, _ = cotangents
    overlap, starts, ms = kept
    sequences = _segments(plan, (q, k, v, i, f, dh, given[0]), X.dtype)
    overlaps = mx.split(overlap, _cuts(plan), axis=2)
    found = []
    for j in reversed(range(len(overlaps))):
        *parts, dh_j, h_j = (a[j] for a in sequences)
        s = segment_of(parts, ms[j])
        gradients, dX = _segment_backward(s, starts[j], dX, dh_j, h_j, overlaps[j])
        found.append(gradients)
    whole = (mx.concatenate([_steps(a) for a in g[::-1]], axis=2) for g in zip(*found, strict=True))
    dq, dk, dv, di, df = (a[:, :, : q.shape[2]] for a in whole)
    cast = (g.astype(p.dtype) for g, p in zip((dq, dk, dv), (q, k, v), strict=True))
    return [*cast, dX, di, df, mx.zeros_like(m)]


def _segment_backward(
    s: Segment, X: mx.array, dX: mx.array, dh: mx.array, h: mx.array, overlap: mx.array
) -> tuple[Arrays, mx.array]:
    """The gradients of q, k, v, i, f (B, N, n, L, ·) and of the state before."""
    states = states_of(s, X)
    before = states[:, :, :-1]
    dN = dh / scale(overlap, s.m)[..., None]
    sign = mx.where(mx.abs(overlap) > floor(s.m), -mx.sign(overlap), 0)
    dN = mx.concatenate([dN, sign[..., None] * mx.sum(dN * h, axis=-1, keepdims=True)], axis=-1)
    A = (s.q @ s.k.swapaxes(-1, -2)) * s.W
    P = (dN @ s.v.swapaxes(-1, -2)) * s.W
    own = (s.q * s.a).swapaxes(-1, -2) @ dN
    dstates = _mixed(s.G.swapaxes(-1, -2), mx.concatenate([own, dX[:, :, None]], axis=2))
    after = dstates[:, :, 1:]
    dq = P @ s.k + (dN @ before.swapaxes(-1, -2)) * s.a
    dk = P.swapaxes(-1, -2) @ s.q + (s.v @ after.swapaxes(-1, -2)) * s.w
    dv = A.swapaxes(-1, -2) @ dN + (s.k * s.w) @ after
    di = mx.sum(s.k * dk, axis=-1)
    df = mx.cumsum(mx.sum(s.q * dq, axis=-1) - di, axis=-1, reverse=True)
    df = df + mx.sum(states[:, :, 1:] * after, axis=(-1, -2))[..., None]
    return [dq, dk / math.sqrt(s.k.shape[-1]), dv[..., :-1], di, df], dstates[:, :, 0]


def _segments(plan: Plan, arrays: Arrays, dtype: mx.Dtype) -> list[list[mx.array]]:
    """(B, N, S, ·) in segments (B, N, n, L, ·); what is missing at the end changes nothing."""
    padding = [0.0, 0.0, 0.0, -math.inf, 0.0, 0.0, 0.0]
    found = []
    for a, fill in zip(arrays, padding, strict=False):
        missing = plan.chunks * plan.length - a.shape[2]
        if missing:
            width = [(0, 0)] * a.ndim
            width[2] = (0, missing)
            a = mx.pad(a, width, constant_values=fill)
        a = a.reshape(*a.shape[:2], plan.chunks, plan.length, *a.shape[3:])
        found.append([part.astype(dtype) for part in mx.split(a, _cuts(plan), axis=2)])
    return found


def _cuts(plan: Plan) -> list[int]:
    return list(range(plan.at_once, plan.chunks, plan.at_once))


def _steps(a: mx.array) -> mx.array:
    """(B, N, n, L, ·) as (B, N, n·L, ·)."""
    return a.reshape(*a.shape[:2], -1, *a.shape[4:])
