"""Activation: a function of each entry."""

from __future__ import annotations

from typing import Any

import keras

from ncps.specs import Activation as ActivationSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._feedforward import FeedForward


@keras.saving.register_keras_serializable(package=PACKAGE)
class Activation(FeedForward):
    r"""A function of each entry; see `ncps.specs.Activation`.

    .. math:: y = \phi(x)

    Shape: x of any shape → y of the same shape.
    """

    spec: ActivationSpec

    def _run(self, x: Any) -> Any:
        return ops.ACTIVATIONS[self.spec.activation](x)
