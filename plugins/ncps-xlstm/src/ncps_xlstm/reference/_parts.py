"""What several layers here share. `p` maps canonical names to arrays, which may be complex."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ncps.reference.functions import Array, Parameters


def inside(p: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The parameters behind a prefix."""
    start = f"{prefix}."
    return {name[len(start) :]: a for name, a in p.items() if name.startswith(start)}


def heads(x: Array, num_heads: int) -> Array:
    """(B, NH·d) → (B, NH, d)."""
    return x.reshape(len(x), num_heads, x.shape[1] // num_heads)


def by_head(x: Array, kernel: Array) -> Array:
    """x (B, NH·d) times a block diagonal matrix with the blocks (NH, d, d)."""
    y: Array = np.einsum("bnd,nde->bne", heads(x, len(kernel)), kernel).reshape(x.shape)
    return y


def layer_norm(p: Parameters, name: str, x: Array, epsilon: float, groups: int = 1) -> Array:
    """γ (x - μ) / √(σ² + ε) + β in each of the groups of features; β where there is one."""
    parts = heads(x, groups)
    centred = parts - np.mean(parts, axis=-1, keepdims=True)
    variance = np.mean(centred * centred, axis=-1, keepdims=True)
    return _scaled(p, name, (centred / np.sqrt(variance + epsilon)).reshape(x.shape))


def rms_norm(p: Parameters, name: str, x: Array, epsilon: float) -> Array:
    """γ x / √(mean x² + ε) + β; β where there is one."""
    return _scaled(p, name, x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon))


def _scaled(p: Parameters, name: str, x: Array) -> Array:
    y: Array = p[f"{name}.gamma"] * x
    return y + p[f"{name}.beta"] if f"{name}.beta" in p else y


def convolved(p: Parameters, x: Array, before: Array) -> tuple[Array, Array]:
    """The causal convolution at x (B, D), and the inputs that the next step needs.

    `before` (B, K - 1, D) are the inputs of the steps before, oldest first.
    """
    window = np.concatenate([before, x[:, None]], axis=1)
    y = np.sum(window * p["conv.kernel"][:, 0], axis=1) + p["conv.bias"]
    return y, window[:, 1:]


def capped(x: Array, cap: float | None) -> Array:
    """c tanh(x / c), or x where there is no cap."""
    return x if cap is None else cap * np.tanh(x / cap)
