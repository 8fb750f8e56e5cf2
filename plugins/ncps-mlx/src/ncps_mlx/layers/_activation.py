"""Activation: a function of each entry."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.canonical import ParameterMap
from ncps.specs import Activation as ActivationSpec
from ncps.specs import Spec
from ncps_mlx import ops
from ncps_mlx.layers._base import NativeLayer


class Activation(NativeLayer):
    r"""A function of each entry; see `ncps.specs.Activation`.

    Shape: x of any shape → y of the same shape, in x's dtype unless another was asked for.
    """

    spec: ActivationSpec

    def _structure(self) -> None:
        """There are no parameters."""

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return ParameterMap(())

    def __call__(self, x: Any) -> mx.array:
        """Run x of any shape."""
        with ops.on_device(self._device):
            return ops.ACTIVATIONS[self.spec.activation](self._input(x))
