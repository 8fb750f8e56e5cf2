"""NCPDense: an affine map with the sensory synapses of a wiring."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops as kops

from ncps.specs import NCPDense as NCPDenseSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._feedforward import FeedForward


@keras.saving.register_keras_serializable(package=PACKAGE)
class NCPDense(FeedForward):
    r"""Affine map of the last axis through a wiring's sensory synapses, then an activation.

    .. math:: y = \phi(x (W \odot M) + b)

    With `use_signs` the synapses keep their polarities: :math:`y = \phi(x (|W| \odot S) + b)`.

    Shape: x (…, D) → y (…, H), one feature for each neuron of the wiring.
    Raises: ShapeError when x does not have D features.
    """

    spec: NCPDenseSpec

    def _constants(self) -> None:
        spec = self.spec
        self._synapses = spec.sensory_signs if spec.use_signs else spec.masks.sensory

    def _run(self, x: Any) -> Any:
        W = self._read("kernel")
        W = (kops.abs(W) if self.spec.use_signs else W) * self._constant(self._synapses)
        y = ops.affine(x, W, self._read("bias"))
        return ops.ACTIVATIONS[self.spec.activation or "linear"](y)
