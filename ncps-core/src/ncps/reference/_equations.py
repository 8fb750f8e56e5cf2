"""One step of every layer, as its equation says. Everything else follows from these.

`p` maps canonical names to arrays; x (B, D); a state is a tuple of (B, H) arrays; dt (B, 1) or
(1, 1). All arrays may be complex (see `_functions`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ncps.reference._functions import ACTIVATIONS, Array, absolute, sigmoid
from ncps.specs import CfCBlock, CfCCell, Dense, LSTMCell

Parameters = Mapping[str, Array]
State = tuple[Array, ...]


def dense(spec: Dense, p: Parameters, x: Array) -> Array:
    """y = φ(x W + b)."""
    y = x @ p["kernel"]
    if spec.use_bias:
        y = y + p["bias"]
    return ACTIVATIONS[spec.activation or "linear"](y)


def lstm_step(spec: LSTMCell, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """The LSTM cell; elapsed time has no part in it."""
    return _lstm(p, "", x, state, spec.use_bias, forget_offset=0.0)


def cfc_step(spec: CfCCell, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """One step of a CfC; a wired one passes the signal from layer to layer within the step."""
    memory: State = ()
    if spec.mixed_memory:
        # the forget gate starts open: ncps 1.0.1 adds 1 to its bias
        h, c = _lstm(p, "memory.", x, state, use_bias=True, forget_offset=1.0)
        memory = (c,)
    else:
        (h,) = state
    ends = np.cumsum([block.units for block in spec.blocks])[:-1]
    new = []
    signal = x
    for block, own in zip(spec.blocks, np.split(h, ends, axis=-1), strict=True):
        signal = _cfc_block(spec, block, p, signal, own, dt)
        new.append(signal)
    return (np.concatenate(new, axis=-1), *memory)


def cfc_readout(spec: CfCCell, p: Parameters, state: State) -> Array:
    """y = h of the output neurons, projected if the spec says so."""
    y = state[0][..., list(spec.output_neurons)]
    if getattr(spec, "proj_size", None) is not None:
        y = y @ p["projection.kernel"] + p["projection.bias"]
    return y


def _lstm(
    p: Parameters, prefix: str, x: Array, state: State, use_bias: bool, forget_offset: float
) -> State:
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


def _cfc_block(
    spec: CfCCell, block: CfCBlock, p: Parameters, x: Array, h: Array, dt: Array
) -> Array:
    phi = ACTIVATIONS[spec.activation]
    z = np.concatenate([x, h], axis=-1)
    for i in range(len(block.backbone)):
        name = f"{block.prefix}backbone.{i}"
        z = phi(z @ p[f"{name}.kernel"] + p[f"{name}.bias"])

    def head(name: str, masked: bool = False) -> Array:
        kernel = p[f"{block.prefix}{name}.kernel"]
        if masked and block.mask is not None:
            kernel = kernel * block.mask
        return z @ kernel + p[f"{block.prefix}{name}.bias"]

    f = head("ff1", masked=True)
    if spec.mode == "pure":
        w, a = p[f"{block.prefix}w_tau"], p[f"{block.prefix}A"]
        return a - a * np.exp(-dt * (absolute(w) + absolute(f))) * f
    g = head("ff2", masked=True)
    s = sigmoid(head("time_a") * dt + head("time_b"))
    if spec.mode == "no_gate":
        return np.tanh(f) + s * np.tanh(g)
    return (1.0 - s) * np.tanh(f) + s * np.tanh(g)
