"""LSTM over a sequence: the input's projection for all steps at once, then the recurrence."""

from __future__ import annotations

import mlx.core as mx

from ncps_mlx.kernels import Arrays, lstm_step, scan


def lstm(
    Wx: mx.array, Wh: mx.array, bias: mx.array | None, x: mx.array, h: mx.array, c: mx.array
) -> list[mx.array]:
    """The states (B, T, H), (B, T, H) after every step of x (B, T, D)."""
    R = Wh.T

    def step(at_t: Arrays, states: Arrays) -> Arrays:
        return lstm_step(at_t[0], states[0], states[1], R)

    return scan(step, [project(x, Wx, bias)], [h, c])


def project(x: mx.array, weight: mx.array, bias: mx.array | None) -> mx.array:
    """x W' + b for a weight (out, in)."""
    return x @ weight.T if bias is None else mx.addmm(bias, x, weight.T)
