"""One step of each residual block. x (B, D); a state is that of the spec, y (B, D) first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ncps.reference.functions import ACTIVATIONS, Array, Parameters, State, affine, sigmoid, silu
from ncps_xlstm.reference._mlstm import remember
from ncps_xlstm.reference._parts import (
    by_head,
    capped,
    convolved,
    heads,
    inside,
    layer_norm,
    rms_norm,
)
from ncps_xlstm.reference._slstm import slstm_update
from ncps_xlstm.specs import mLSTMBlock, sLSTMBlock, xLSTMLargeBlock

BlockStep = Callable[[Any, Parameters, Array, State, Array], State]


def slstm_block_step(spec: sLSTMBlock, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """x' = x + MHN(sLSTM(LN(x))), y = x' + FFN(LN(x'))."""
    _, *conv, h, c, n, m = state
    u = layer_norm(p, "norm", x, spec.epsilon)
    smooth = u
    if conv:
        smooth, conv[0] = convolved(p, u, conv[0])
        smooth = silu(smooth)

    def preactivation(gate: str, source: Array) -> Array:
        recurrent = by_head(h, p[f"{gate}.recurrent_kernel"])
        return by_head(source, p[f"{gate}.kernel"]) + recurrent + p[f"{gate}.bias"]

    i, f = (preactivation(gate, smooth) for gate in ("input_gate", "forget_gate"))
    z, o = (preactivation(gate, u) for gate in ("cell_gate", "output_gate"))
    cell = slstm_update(i, f, z, o, (h, c, n, m))
    y = x + layer_norm(p, "cell_norm", cell[0], spec.epsilon, spec.num_heads)
    if spec.feed_forward:
        u = layer_norm(p, "ffn_norm", y, spec.epsilon)
        y = y + feed_forward(inside(p, "ffn"), u, spec.activation)
    return (y, *conv, *cell)


def mlstm_block_step(spec: mLSTMBlock, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """y = x + ((MHN(mLSTM(q, k, v)) + s c) silu(z)) W_down."""
    _, before, *memory = state
    u = layer_norm(p, "norm", x, spec.epsilon)
    inner, z = affine(p, "up", u), affine(p, "gate", u)
    c, before = convolved(p, inner, before)
    c = silu(c)

    def projected(name: str, source: Array) -> Array:
        y = by_head(source, p[f"{name}.kernel"])
        return y + p[f"{name}.bias"] if f"{name}.bias" in p else y

    q, k, v = projected("query", c), projected("key", c), projected("value", inner)
    every = np.concatenate([q, k, v], axis=-1)
    i, f = (affine(p, gate, every) for gate in ("input_gate", "forget_gate"))
    q, k, v = (heads(a, spec.num_heads) for a in (q, k, v))
    h, new = remember(q, k, v, i, f, tuple(memory))
    h = layer_norm(p, "cell_norm", h.reshape(inner.shape), spec.epsilon, spec.num_heads)
    y = x + affine(p, "down", (h + p["skip"] * c) * silu(z))
    return (y, before, *new)


def large_block_step(
    spec: xLSTMLargeBlock, p: Parameters, x: Array, state: State, dt: Array
) -> State:
    """x' = x + (σ(o) MHN(mLSTM(RMS(x)))) W_out, y = x' + SwiGLU(RMS(x'))."""
    u = rms_norm(p, "norm", x, spec.epsilon)
    q, k, v = (heads(affine(p, name, u), spec.num_heads) for name in ("query", "key", "value"))
    i, f = (
        capped(affine(p, gate, u), spec.gate_soft_cap) for gate in ("input_gate", "forget_gate")
    )
    h, memory = remember(q, k, v, i, f, state[1:])
    h = h.reshape(len(x), h.shape[1] * h.shape[2])
    h = layer_norm(p, "cell_norm", h, spec.epsilon, spec.num_heads)
    y = x + affine(p, "output", sigmoid(affine(p, "output_gate", u)) * h)
    y = y + feed_forward(inside(p, "ffn"), rms_norm(p, "ffn_norm", y, spec.epsilon), "silu")
    return (y, *memory)


def feed_forward(p: Parameters, x: Array, activation: str) -> Array:
    """(φ(x W_gate) ⊙ x W_up) W_down."""
    return affine(p, "down", ACTIVATIONS[activation](affine(p, "gate", x)) * affine(p, "up", x))


BLOCKS: dict[str, BlockStep] = {
    "mLSTMBlock": mlstm_block_step,
    "sLSTMBlock": slstm_block_step,
    "xLSTMLargeBlock": large_block_step,
}
