"""Flatten and Dropout."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn

from ncps.canonical import ParameterMap
from ncps.specs import Dropout as DropoutSpec
from ncps.specs import Flatten as FlattenSpec
from ncps.specs import Spec
from ncps_mlx import ops
from ncps_mlx.layers._base import NativeLayer


class Flatten(NativeLayer):
    """All axes but the first in one; see `ncps.specs.Flatten`.

    Shape: x (B, …, D) → y (B, …·D).
    Raises: ShapeError when x has no batch.
    """

    spec: FlattenSpec

    def _structure(self) -> None:
        """There are no parameters."""

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return ParameterMap(())

    def __call__(self, x: Any) -> mx.array:
        """Run x (B, …)."""
        with ops.on_device(self._device):
            entries = self._input(x)
            shape: Any = self.spec.output_shape(entries.shape)
            if self.spec.channels_first and entries.ndim > 1:
                entries = mx.moveaxis(entries, -1, 1)
            return entries.reshape(shape)


class Dropout(NativeLayer):
    """An `mlx.nn.Dropout`: at work in training mode, off after `eval()`; see the spec.

    Shape: x of any shape → y of the same shape.
    """

    spec: DropoutSpec

    def _structure(self) -> None:
        self.dropout = nn.Dropout(self.spec.rate)

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return ParameterMap(())

    def __call__(self, x: Any) -> mx.array:
        """Run x of any shape."""
        with ops.on_device(self._device):
            y: mx.array = self.dropout(self._input(x))
            return y
