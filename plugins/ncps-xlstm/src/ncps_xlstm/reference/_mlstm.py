"""One step of an mLSTM, as its equation says.

x (B, D); a state is h (B, H), C (B, NH, dk, d), n (B, NH, dk) and m (B, NH). All arrays may be
complex, but for m, whose imaginary part is dropped: it is a constant for derivatives.
"""

from __future__ import annotations

import math

import numpy as np

from ncps.reference.functions import Array, Parameters, State, absolute, affine, sigmoid, softplus
from ncps_xlstm.reference._parts import heads
from ncps_xlstm.specs import EPSILON, mLSTMCell


def mlstm_step(spec: mLSTMCell, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """(h', C', n', m') after x."""
    q, k, v = (heads(affine(p, name, x), spec.num_heads) for name in ("query", "key", "value"))
    i, f, o = (affine(p, f"{gate}_gate", x) for gate in ("input", "forget", "output"))
    y, memory = remember(q, k, v, i, f, state[1:])
    return (sigmoid(o) * y.reshape(o.shape), *memory)


def remember(
    q: Array, k: Array, v: Array, i: Array, f: Array, memory: State
) -> tuple[Array, State]:
    """y (B, NH, d) and the new (C, n, m), for q, k (B, NH, dk), v (B, NH, d), i, f (B, NH).

    C' = F C + I k̂ vᵀ, n' = F n + I k̂, y = qᵀ C' / (max(|q·n'|, e^-m') + ε).
    """
    C, n, m = memory
    a = -softplus(-f) + m.real
    m = np.maximum(i.real, a.real)
    F, I = np.exp(a - m), np.exp(i - m)  # noqa: E741
    k = k / math.sqrt(k.shape[-1])
    C = F[..., None, None] * C + I[..., None, None] * k[..., None] * v[..., None, :]
    n = F[..., None] * n + I[..., None] * k
    overlap = absolute(np.sum(q * n, axis=-1))
    floor = np.exp(-m)
    scale = np.where(overlap.real > floor, overlap, floor) + EPSILON
    y = np.einsum("bhk,bhkd->bhd", q, C) / scale[..., None]
    return y, (C, n, m)
