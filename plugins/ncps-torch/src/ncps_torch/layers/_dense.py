"""Dense: an affine map and an activation."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ncps.specs import Dense as DenseSpec
from ncps_torch import ops
from ncps_torch.layers._base import NativeLayer


class Dense(NativeLayer):
    r"""Affine map of the last axis, then an activation: a `torch.nn.Linear` with a spec.

    .. math:: y = \phi(x W + b)

    Shape: x (…, D) → y (…, H).
    Raises: ShapeError when x does not have D features.
    """

    spec: DenseSpec

    def _structure(self, spec: DenseSpec) -> None:
        self.linear = nn.Linear(spec.known_input_size(), spec.units, bias=spec.use_bias)

    def _constants(self, spec: DenseSpec) -> None:
        self.linear.in_features = spec.known_input_size()

    def forward(self, x: Any) -> Tensor:
        """Run x (…, D)."""
        x = self._input(x)
        self.spec.output_shape(tuple(x.shape))
        return ops.ACTIVATIONS[self.spec.activation or "linear"](self.linear(x))
