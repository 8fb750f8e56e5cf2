"""The feed-forward layers of transformers. `p` maps canonical names to arrays; x (…, D)."""

from __future__ import annotations

from ncps.reference._functions import ACTIVATIONS, Array
from ncps.reference._gated import Parameters
from ncps.specs import FeedForwardSpec


def feed_forward(spec: FeedForwardSpec, p: Parameters, x: Array) -> Array:
    """y = φ(x Wu) Wd, or gated (φ(x Wg) ⊙ x Wu) Wd, with a bias for each product."""
    act = ACTIVATIONS[spec.function]
    up = affine(p, "up", x)
    hidden = act(affine(p, "gate", x)) * up if spec.gated else act(up)
    return affine(p, "down", hidden)


def affine(p: Parameters, name: str, x: Array) -> Array:
    """x W + b, without b where the layer has none."""
    y: Array = x @ p[f"{name}.kernel"]
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y
