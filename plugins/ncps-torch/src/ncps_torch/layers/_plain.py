"""Flatten and Dropout."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ncps.canonical import ParameterMap
from ncps.specs import Dropout as DropoutSpec
from ncps.specs import Flatten as FlattenSpec
from ncps.specs import Spec
from ncps_torch.layers._base import NativeLayer


class Flatten(NativeLayer):
    """All axes but the first in one; see `ncps.specs.Flatten`.

    Shape: x (B, …, D) → y (B, …·D).
    Raises: ShapeError when x has no batch.
    """

    spec: FlattenSpec

    def _structure(self, spec: FlattenSpec) -> None:
        """There are no parameters."""

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """Empty."""
        return ParameterMap(())

    def forward(self, x: Any) -> Tensor:
        """Run x (B, …)."""
        entries = self._input(x)
        shape: Any = self.spec.output_shape(tuple(entries.shape))
        if self.spec.channels_first and entries.dim() > 1:
            entries = entries.movedim(-1, 1)
        return entries.reshape(shape)


class Dropout(NativeLayer):
    """A `torch.nn.Dropout`: at work in training mode, off after `eval()`; see the spec.

    Shape: x of any shape → y of the same shape.
    """

    spec: DropoutSpec

    def _structure(self, spec: DropoutSpec) -> None:
        self.dropout = nn.Dropout(spec.rate)

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """Empty."""
        return ParameterMap(())

    def forward(self, x: Any) -> Tensor:
        """Run x of any shape."""
        y: Tensor = self.dropout(self._input(x))
        return y
