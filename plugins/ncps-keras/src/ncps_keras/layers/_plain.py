"""Flatten and Dropout."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops as kops

from ncps.specs import Dropout as DropoutSpec
from ncps.specs import Flatten as FlattenSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._feedforward import FeedForward


@keras.saving.register_keras_serializable(package=PACKAGE)
class Flatten(FeedForward):
    """All axes but the first in one; see `ncps.specs.Flatten`.

    Shape: x (B, …, D) → y (B, …·D).
    Raises: ShapeError when x has no batch.
    """

    keeps_steps = False
    spec: FlattenSpec

    def _run(self, x: Any) -> Any:
        _, size = self.spec.output_shape(tuple(x.shape))
        if self.spec.channels_first and len(x.shape) > 1:
            x = kops.moveaxis(x, -1, 1)
        return kops.reshape(x, (kops.shape(x)[0], -1 if size is None else size))


@keras.saving.register_keras_serializable(package=PACKAGE)
class Dropout(FeedForward):
    """Leaves entries out at random while training, by Keras' `dropout`; see the spec.

    Keras' word for the mode is the argument `training`, which `fit` gives.

    Shape: x of any shape → y of the same shape.
    """

    spec: DropoutSpec

    def _constants(self) -> None:
        self._noise = ops.seed_generator(self._seed if isinstance(self._seed, int) else None)

    def call(self, x: Any, training: bool = False) -> Any:
        """Run x of any shape."""
        x = self._input(x)
        rate = self.spec.rate
        return keras.random.dropout(x, rate, seed=self._noise) if training and rate else x
