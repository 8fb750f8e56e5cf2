"""Keras' activation functions and the names that specs have for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

FUNCTIONS: Mapping[str, Any] = {
    name: keras.activations.get(name)
    for name in ("gelu", "linear", "relu", "sigmoid", "silu", "tanh")
}


def activation_of(function: Any) -> str | None:
    """The name of the function in a spec, or None."""
    return next((name for name, same in FUNCTIONS.items() if function is same), None)
