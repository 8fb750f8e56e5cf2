"""The activations that specs name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import mlx.core as mx
import mlx.nn as nn

Activation = Callable[[mx.array], mx.array]


def lecun_tanh(x: mx.array) -> mx.array:
    """1.7159 tanh(0.666 x)."""
    return 1.7159 * mx.tanh(0.666 * x)


def linear(x: mx.array) -> mx.array:
    """x."""
    return x


ACTIVATIONS: Mapping[str, Activation] = {
    "gelu": nn.gelu,
    "lecun_tanh": lecun_tanh,
    "linear": linear,
    "relu": nn.relu,
    "sigmoid": mx.sigmoid,
    "silu": nn.silu,
    "tanh": mx.tanh,
}
