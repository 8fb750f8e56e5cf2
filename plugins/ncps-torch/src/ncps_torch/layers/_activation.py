"""Activation: a function of each entry."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ncps.canonical import ParameterMap
from ncps.specs import Activation as ActivationSpec
from ncps.specs import Spec
from ncps_torch import ops
from ncps_torch.layers._base import NativeLayer


class Activation(NativeLayer):
    r"""A function of each entry; see `ncps.specs.Activation`.

    Shape: x of any shape → y of the same shape.
    """

    spec: ActivationSpec

    def _structure(self, spec: ActivationSpec) -> None:
        """There are no parameters."""

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """Empty."""
        return ParameterMap(())

    def forward(self, x: Any) -> Tensor:
        """Run x of any shape."""
        return ops.ACTIVATIONS[self.spec.activation](self._input(x))
