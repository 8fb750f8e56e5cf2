"""Dense: an affine map and an activation."""

from __future__ import annotations

from typing import Any

import keras

from ncps.specs import Dense as DenseSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._feedforward import FeedForward


@keras.saving.register_keras_serializable(package=PACKAGE)
class Dense(FeedForward):
    r"""Affine map of the last axis, then an activation: a `keras.layers.Dense` with a spec.

    .. math:: y = \phi(x W + b)

    Shape: x (…, D) → y (…, H).
    Raises: ShapeError when x does not have D features.
    """

    spec: DenseSpec

    def _run(self, x: Any) -> Any:
        y = ops.affine(x, self._read("kernel"), self._read("bias"))
        return ops.ACTIVATIONS[self.spec.activation or "linear"](y)
