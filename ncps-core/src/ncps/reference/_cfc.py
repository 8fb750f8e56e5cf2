"""One step of CfC, as its equation says.

`p` maps canonical names to arrays; x (B, D); a state is a tuple of (B, H) arrays; dt (B, 1) or
(1, 1). All arrays may be complex (see `_functions`).
"""

from __future__ import annotations

import numpy as np

from ncps.reference._functions import ACTIVATIONS, Array, absolute, sigmoid
from ncps.reference._gated import Parameters, State
from ncps.reference._memory import behind_memory
from ncps.specs import CfCBlock, CfCCell
from ncps.specs._wired import Mask


def cfc_step(spec: CfCCell, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """One step of a CfC; a wired one passes the signal from layer to layer within the step."""
    x, h, *memory = behind_memory(spec, p, x, state)
    ends = np.cumsum([block.units for block in spec.blocks])[:-1]
    new = []
    signal = x
    for block, own in zip(spec.blocks, np.split(h, ends, axis=-1), strict=True):
        signal = _block(spec, block, p, signal, own, dt)
        new.append(signal)
    return (np.concatenate(new, axis=-1), *memory)


def cfc_readout(spec: CfCCell, p: Parameters, state: State) -> Array:
    """y = h of the output neurons, projected if the spec says so."""
    y = state[0][..., list(spec.output_neurons)]
    if getattr(spec, "proj_size", None) is not None:
        y = y @ p["projection.kernel"] + p["projection.bias"]
    return y


def _block(spec: CfCCell, block: CfCBlock, p: Parameters, x: Array, h: Array, dt: Array) -> Array:
    phi = ACTIVATIONS[spec.activation]
    z = np.concatenate([x, h], axis=-1)
    for i in range(len(block.backbone)):
        name = f"{block.prefix}backbone.{i}"
        z = phi(z @ p[f"{name}.kernel"] + p[f"{name}.bias"])

    def head(name: str, mask: Mask | None) -> Array:
        kernel = p[f"{block.prefix}{name}.kernel"]
        if mask is not None:
            kernel = kernel * mask
        return z @ kernel + p[f"{block.prefix}{name}.bias"]

    f = head("ff1", block.mask)
    if spec.mode == "pure":
        w, a = p[f"{block.prefix}w_tau"], p[f"{block.prefix}A"]
        return a - a * np.exp(-dt * (absolute(w) + absolute(f))) * f
    g = head("ff2", block.mask)
    a, b = (head(name, block.time_mask) for name in ("time_a", "time_b"))
    if spec.linear_heads:
        s = sigmoid(b - a * dt)
    else:
        f, g, s = np.tanh(f), np.tanh(g), sigmoid(a * dt + b)
    return f + s * g if spec.mode == "no_gate" else (1.0 - s) * f + s * g
