"""The affine map, in the back end's own operations: Keras' take float64 for float32 on torch."""

from __future__ import annotations

from typing import Any

from ncps_keras.backends import xp


def affine(x: Any, W: Any, b: Any) -> Any:
    """x W + b over the last axis of x (…, D); b may be None."""
    return xp.affine(x, W, b)
