"""NCPDense: an affine map with the sensory synapses of a wiring."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn

from ncps.specs import NCPDense as NCPDenseSpec
from ncps_mlx import ops
from ncps_mlx.layers._base import NativeLayer


class NCPDense(NativeLayer):
    r"""Affine map of the last axis through a wiring's sensory synapses, then an activation.

    .. math:: y = \phi(x (W \odot M) + b)

    With `use_signs` the synapses keep their polarities: :math:`y = \phi(x (|W| \odot S) + b)`.

    Shape: x (…, D) → y (…, H), one feature for each neuron of the wiring.
    Raises: ShapeError when x does not have D features.
    """

    spec: NCPDenseSpec

    def _structure(self) -> None:
        spec = self.spec
        self.linear = nn.Linear(spec.known_input_size(), spec.output_size, bias=spec.use_bias)
        synapses = spec.sensory_signs if spec.use_signs else spec.masks.sensory
        # the leading underscore keeps a constant out of the parameters
        self._synapses = mx.array(synapses)

    def __call__(self, x: Any) -> mx.array:
        """Run x (…, D)."""
        with ops.on_device(self._device):
            x = self._input(x)
            self.spec.output_shape(x.shape)
            W = self.linear.weight.T
            W = (mx.abs(W) if self.spec.use_signs else W) * self._synapses.astype(W.dtype)
            y = mx.addmm(self.linear.bias, x, W) if self.spec.use_bias else x @ W
            return ops.ACTIVATIONS[self.spec.activation or "linear"](y)
