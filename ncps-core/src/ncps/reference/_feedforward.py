"""The layers without state. `p` maps canonical names to arrays; x (…, D)."""

from __future__ import annotations

from ncps.reference._functions import ACTIVATIONS, Array, absolute
from ncps.reference._gated import Parameters
from ncps.specs import Activation, Dense, NCPDense


def activation(spec: Activation, p: Parameters, x: Array) -> Array:
    """y = φ(x)."""
    return ACTIVATIONS[spec.activation](x)


def dense(spec: Dense, p: Parameters, x: Array) -> Array:
    """y = φ(x W + b)."""
    return _affine(spec, p, x, p["kernel"])


def ncp_dense(spec: NCPDense, p: Parameters, x: Array) -> Array:
    """y = φ(x (W ⊙ M) + b), or with the wiring's signs φ(x (|W| ⊙ S) + b)."""
    W = p["kernel"]
    W = absolute(W) * spec.sensory_signs if spec.use_signs else W * spec.masks.sensory
    return _affine(spec, p, x, W)


def _affine(spec: Dense | NCPDense, p: Parameters, x: Array, W: Array) -> Array:
    y = x @ W
    if spec.use_bias:
        y = y + p["bias"]
    return ACTIVATIONS[spec.activation or "linear"](y)
