"""RNN and GRU over a sequence: the input's projection for all steps at once, then the loop."""

from __future__ import annotations

import mlx.core as mx

from ncps_mlx.kernels import Activation, Arrays, gru_step, gru_step_before, rnn_step, scan
from ncps_mlx.ops._lstm import project

Weights = tuple[mx.array, mx.array, mx.array | None]


def rnn(phi: Activation, weights: Weights, x: mx.array, h: mx.array) -> list[mx.array]:
    """The states (B, T, H) after every step of x (B, T, D); weights are Wx, Wh, bias."""
    Wx, Wh, bias = weights
    R = Wh.T

    def step(at_t: Arrays, states: Arrays) -> Arrays:
        return [rnn_step(phi, at_t[0], states[0], R)]

    return scan(step, [project(x, Wx, bias)], [h])


def gru(
    weights: Weights, c: mx.array | None, x: mx.array, h: mx.array, reset_after: bool
) -> list[mx.array]:
    """The states (B, T, H) after every step of x (B, T, D); weights are Wx, Wh, bias."""
    Wx, Wh, bias = weights
    R = Wh.T
    R_rz, R_n = mx.split(R, [2 * h.shape[-1]], axis=-1)

    def after(at_t: Arrays, states: Arrays) -> Arrays:
        return [gru_step(at_t[0], states[0], R, c)]

    def before(at_t: Arrays, states: Arrays) -> Arrays:
        return [gru_step_before(at_t[0], states[0], R_rz, R_n)]

    return scan(after if reset_after else before, [project(x, Wx, bias)], [h])
