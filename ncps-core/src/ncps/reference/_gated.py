"""One step of the recurrent layers without time: RNN, GRU, LSTM.

`p` maps canonical names to arrays; x (B, D); a state is a tuple of (B, H) arrays. Elapsed time
has no part in these equations. All arrays may be complex (see `_functions`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ncps.reference._functions import ACTIVATIONS, Array, sigmoid
from ncps.specs import GRUCell, LSTMCell, RNNCell, Spec

Parameters = Mapping[str, Array]
State = tuple[Array, ...]


def hidden(spec: Spec, p: Parameters, state: State) -> Array:
    """y = h."""
    return state[0]


def rnn_step(spec: RNNCell, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """h' = φ(x W + h R + b)."""
    (h,) = state
    z = x @ p["kernel"] + h @ p["recurrent_kernel"]
    if spec.use_bias:
        z = z + p["bias"]
    return (ACTIVATIONS[spec.activation](z),)


def gru_step(spec: GRUCell, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """h' = (1 - z) n + z h; the reset gate acts after the candidate's product, or before it."""
    (h,) = state

    def from_input(gate: str) -> Array:
        z = x @ p[f"{gate}.kernel"]
        return z + p[f"{gate}.bias"] if spec.use_bias else z

    r = sigmoid(from_input("reset_gate") + h @ p["reset_gate.recurrent_kernel"])
    z = sigmoid(from_input("update_gate") + h @ p["update_gate.recurrent_kernel"])
    R = p["new_gate.recurrent_kernel"]
    if not spec.reset_after:
        recurrent = (r * h) @ R
    elif spec.use_bias:
        recurrent = r * (h @ R + p["new_gate.recurrent_bias"])
    else:
        recurrent = r * (h @ R)
    n = np.tanh(from_input("new_gate") + recurrent)
    return ((1.0 - z) * n + z * h,)


def lstm_step(spec: LSTMCell, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """c' = f c + i g, h' = o tanh c'."""
    return lstm(p, "", x, state, spec.use_bias)


def lstm(
    p: Parameters,
    prefix: str,
    x: Array,
    state: State,
    use_bias: bool,
    forget_offset: float = 0.0,
) -> State:
    """`lstm_step` of the parameters behind a prefix; `forget_offset` opens the forget gate."""
    h, c = state

    def gate(name: str) -> Array:
        z = x @ p[f"{prefix}{name}.kernel"] + h @ p[f"{prefix}{name}.recurrent_kernel"]
        return z + p[f"{prefix}{name}.bias"] if use_bias else z

    i = sigmoid(gate("input_gate"))
    f = sigmoid(gate("forget_gate") + forget_offset)
    g = np.tanh(gate("cell_gate"))
    o = sigmoid(gate("output_gate"))
    c = f * c + i * g
    return o * np.tanh(c), c
