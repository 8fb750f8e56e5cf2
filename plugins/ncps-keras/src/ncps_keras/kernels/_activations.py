"""The activations that specs name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ncps_keras.backends import xp


def lecun_tanh(x: Any) -> Any:
    """1.7159 tanh(0.666 x)."""
    return 1.7159 * xp.tanh(0.666 * x)


def linear(x: Any) -> Any:
    """x."""
    return x


ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = {
    "gelu": xp.gelu,
    "lecun_tanh": lecun_tanh,
    "linear": linear,
    "relu": xp.relu,
    "sigmoid": xp.sigmoid,
    "silu": xp.silu,
    "tanh": xp.tanh,
}
