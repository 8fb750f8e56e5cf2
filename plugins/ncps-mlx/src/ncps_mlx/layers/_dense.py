"""Dense: an affine map and an activation."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn

from ncps.specs import Dense as DenseSpec
from ncps_mlx import ops
from ncps_mlx.layers._base import NativeLayer


class Dense(NativeLayer):
    r"""Affine map of the last axis, then an activation: an `mlx.nn.Linear` with a spec.

    .. math:: y = \phi(x W + b)

    Shape: x (…, D) → y (…, H).
    Raises: ShapeError when x does not have D features.
    """

    spec: DenseSpec

    def _structure(self) -> None:
        spec = self.spec
        self.linear = nn.Linear(spec.known_input_size(), spec.units, bias=spec.use_bias)

    def __call__(self, x: Any) -> mx.array:
        """Run x (…, D)."""
        with ops.on_device(self._device):
            x = self._input(x)
            self.spec.output_shape(x.shape)
            return ops.ACTIVATIONS[self.spec.activation or "linear"](self.linear(x))
