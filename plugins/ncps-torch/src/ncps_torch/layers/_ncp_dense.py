"""NCPDense: an affine map with the sensory synapses of a wiring."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ncps.specs import NCPDense as NCPDenseSpec
from ncps_torch import ops
from ncps_torch.layers._base import NativeLayer


class NCPDense(NativeLayer):
    r"""Affine map of the last axis through a wiring's sensory synapses, then an activation.

    .. math:: y = \phi(x (W \odot M) + b)

    With `use_signs` the synapses keep their polarities: :math:`y = \phi(x (|W| \odot S) + b)`.

    Shape: x (…, D) → y (…, H), one feature for each neuron of the wiring.
    Raises: ShapeError when x does not have D features.
    """

    spec: NCPDenseSpec
    synapses: Tensor | None

    def _structure(self, spec: NCPDenseSpec) -> None:
        self.linear = nn.Linear(spec.known_input_size(), spec.output_size, bias=spec.use_bias)
        # follows the module from device to device; the wiring says it, so that it is not saved
        self.register_buffer("synapses", None, persistent=False)

    def _constants(self, spec: NCPDenseSpec) -> None:
        self.linear.in_features = spec.known_input_size()
        synapses = spec.sensory_signs if spec.use_signs else spec.masks.sensory
        self.synapses = ops.from_numpy(synapses.T, device=self._first().device)

    def forward(self, x: Any) -> Tensor:
        """Run x (…, D)."""
        x = self._input(x)
        self.spec.output_shape(tuple(x.shape))
        W, b = self.linear.weight, self.linear.bias
        assert self.synapses is not None, "a built layer has its synapses"
        W = (W.abs() if self.spec.use_signs else W) * self.synapses.to(W.dtype)
        return ops.ACTIVATIONS[self.spec.activation or "linear"](nn.functional.linear(x, W, b))
