r"""The sLSTM over a sequence, with a backward pass of its own.

.. math::
    i, f, z, o = p_t + h R_{i,f,z,o},\quad a = \log\sigma(f) + m,\quad m' = \max(i, a),\quad
    I = e^{i - m'},\quad F = e^{a - m'}

    c' = F \odot c + I \odot \tanh z,\quad n' = F \odot n + I,\quad h' = \sigma(o) \odot c' / n'

Shapes: p (B, T, 4, N, D) is x's part of the gates i, f, z, o with the bias, for N heads of D units;
R (N, D, 4, D) from a head's h to its gates; h, c, n, m (B, N, D). Results (B, T, N, D). Inside,
time comes first and the gates before the heads, (T, 4, N, B, D), so that gates lie in one piece.

m is a constant for derivatives: it cancels in h'. Where n is 0 the state is empty and its m stands
for -∞. Half precision is computed in float32, and results stay in float32.

Backward, with ḣ the cotangent of h' from its own output and from the step after it:

.. math::
    \dot c \mathrel{+}= \tfrac{\sigma(o)}{n'} \dot h,\quad
    \dot n \mathrel{-}= \tfrac{h'}{n'} \dot h,\quad
    \dot\imath = I (\tanh z\; \dot c + \dot n),\quad
    \dot f = F \sigma(-f) (c\, \dot c + n\, \dot n)

    \dot z = I (1 - \tanh^2 z)\, \dot c,\quad \dot o = h' \sigma(-o)\, \dot h,\quad
    \dot h_{t-1} \mathrel{+}= \textstyle\sum_g \dot g R_g^\top,\quad
    \dot c_{t-1} = F \dot c,\quad \dot n_{t-1} = F \dot n

All factors are known before the loop over time starts, and R's gradient is one product after it.

Held to a plain loop over time, values, gradients and second gradients, by `test_mlx_slstm.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import mlx.core as mx

from ncps_xlstm.mlx.kernels._dtypes import working
from ncps_xlstm.mlx.kernels._own import Arrays, with_own_backward
from ncps_xlstm.mlx.kernels._unbind import unbind


class VectorState(NamedTuple):
    """Output h, cell c, normaliser n and stabiliser m."""

    h: mx.array
    c: mx.array
    n: mx.array
    m: mx.array


def log_sigmoid(x: mx.array) -> mx.array:
    """log σ(x), exact for large |x|."""
    return -mx.logaddexp(-x, mx.zeros((), x.dtype))


def slstm_update(gates: Arrays, state: VectorState) -> tuple[VectorState, Arrays]:
    """The new state for the preactivations i, f, z, o; and I, F, tanh z, σ(o) and f.

    The m of an empty state must be -∞.
    """
    (i, f, z, o), (_, c, n, m) = gates, state
    a = log_sigmoid(f) + m
    m = mx.stop_gradient(mx.maximum(i, a))
    I, F, tanh, sigma = mx.exp(i - m), mx.exp(a - m), mx.tanh(z), mx.sigmoid(o)  # noqa: E741
    c, n = F * c + I * tanh, F * n + I
    return VectorState(sigma * c / n, c, n, m), (I, F, tanh, sigma, f)


def slstm(
    p: mx.array, R: mx.array, state: VectorState, own_backward: bool = True, history: bool = True
) -> VectorState:
    """The states after every step; without `history` of c, n and m the last alone, T = 1.

    With `own_backward` the gradient is the one above, from the whole history; without, it is MLX's,
    and what comes out is made of plain operations, which `mx.export_function` can write.
    """
    dtype = working(p.dtype)
    arrays = [a.astype(dtype) for a in (p, R, *state)]
    return VectorState(*(_OWN(*arrays) if own_backward else _states(_steps(arrays)[0], history)))


def slstm_step(p: mx.array, R: mx.array, state: VectorState) -> VectorState:
    """The new state for one step: p (B, 4, N, D), a state's arrays (B, N, D)."""
    return VectorState(*(s[:, 0] for s in slstm(p[:, None], R, state, own_backward=False)))


def _forward(primals: Arrays) -> tuple[Arrays, Arrays]:
    states, gates = _steps(primals)
    return _states(states), [mx.concatenate(list(g)) for g in zip(*gates, strict=True)]


def _steps(primals: Arrays) -> tuple[list[VectorState], list[Arrays]]:
    """The state after every step, and what `slstm_update` gives beside it."""
    p, R, h, c, n, m = primals
    m = mx.stop_gradient(m)
    start = [_inside(s) for s in (h, c, n, mx.where(n == 0, -mx.inf, m))]
    state, kernel = VectorState(*start), _by_gate(R)
    states, gates = [], []
    for p_t in unbind(p.transpose(1, 2, 3, 0, 4)):
        state, at_t = slstm_update(_gates(p_t + state.h @ kernel), state)
        states.append(state)
        gates.append(at_t)
    return states, gates


def _states(states: list[VectorState], history: bool = True) -> Arrays:
    """As one array each (B, T, N, D)."""
    h, *others = zip(*states, strict=True)
    found = [h, *(s if history else s[-1:] for s in others)]
    return [mx.concatenate(list(s))[:, 0].transpose(2, 0, 1, 3) for s in found]


def _backward(primals: Arrays, cotangents: Arrays, given: Arrays, kept: Arrays) -> Arrays:
    R, start = primals[1], primals[2:]
    N, D = R.shape[:2]
    kernel = mx.stack([R[:, :, g].swapaxes(-1, -2) for g in range(4)])
    dh, dc, dn, _ = map(_time_first, cotangents)
    h, c, n, _ = map(_time_first, given)
    before = [mx.concatenate([_inside(s), a[:-1]]) for s, a in zip(start, (h, c, n), strict=False)]
    sequences = (dh, mx.concatenate([dc, dn], axis=1), *_factors(kept, before, h, n))
    from_after, dstate, found = mx.zeros_like(dh[:1]), mx.zeros((), dh.dtype), []
    for at_t in zip(*(unbind(s)[::-1] for s in sequences), strict=True):
        dh_t, dstate_t, of_h, of_state, of_output, forget = at_t
        dh_t = dh_t + from_after
        dstate = dstate_t + dstate + of_h * dh_t
        inner = mx.sum(of_state * dstate[:, None], axis=2)
        found.append(mx.concatenate([inner, of_output * dh_t], axis=1))
        from_after = mx.sum(found[-1] @ kernel, axis=1, keepdims=True)
        dstate = dstate * forget
    dp = mx.concatenate(found[::-1])
    # (T, 4, N, B, D) as the rows of a head (N, T·B, 4·D)
    rows = dp.transpose(2, 0, 3, 1, 4).reshape(N, -1, 4 * D)
    dR = before[0].transpose(1, 2, 4, 0, 3).reshape(N, D, -1) @ rows
    dstart = [a.transpose(1, 0, 2) for a in (from_after[0, 0], dstate[0, 0], dstate[0, 1])]
    return [dp.transpose(3, 0, 1, 2, 4), dR.reshape(R.shape), *dstart, mx.zeros_like(start[3])]


def _factors(kept: Arrays, before: Arrays, h: mx.array, n: mx.array) -> Arrays:
    """What ḣ is multiplied by in (ċ, ṅ), (ċ, ṅ) in (i, f, z), ḣ in o, and (ċ, ṅ) a step before.

    (T, 2, N, B, D), (T, 3, 2, N, B, D), (T, 1, N, B, D), (T, 1, N, B, D).
    """
    I, F, tanh, sigma, f = kept  # noqa: E741
    _, c_before, n_before = before
    leaves = F * mx.sigmoid(-f)
    of_i, of_f = [I * tanh, I], [leaves * c_before, leaves * n_before]
    pairs = mx.concatenate([*of_i, *of_f, I * (1 - tanh * tanh), mx.zeros_like(I)], axis=1)
    of_state = pairs.reshape(pairs.shape[0], 3, 2, *pairs.shape[2:])
    return mx.concatenate([sigma / n, -h / n], axis=1), of_state, h * (1 - sigma), F


def _gates(p: mx.array) -> list[mx.array]:
    """(1, 4, N, B, D) as the gates i, f, z, o."""
    i, f, z, o = mx.split(p, 4, axis=1)
    return [i, f, z, o]


def _inside(state: mx.array) -> mx.array:
    """(B, N, D) as (1, 1, N, B, D)."""
    return state.transpose(1, 0, 2)[None, None]


def _time_first(states: mx.array) -> mx.array:
    """(B, T, N, D) as (T, 1, N, B, D)."""
    return states.transpose(1, 2, 0, 3)[:, None]


def _by_gate(R: mx.array) -> mx.array:
    """(N, D, 4, D) as (4, N, D, D)."""
    return mx.stack([R[:, :, g] for g in range(4)])


_OWN = with_own_backward(_forward, _backward)
