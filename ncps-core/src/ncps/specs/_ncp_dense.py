"""NCPDense: an affine map with the sensory synapses of a wiring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape
from ncps.specs._initializers import fan_in_uniform
from ncps.specs._wired import CircuitSpec, sensory_synapses


@dataclass(frozen=True, kw_only=True)
class NCPDense(CircuitSpec):
    r"""Affine map of the last axis through the sensory synapses of a wiring, then an activation.

    .. math:: y = \phi(x (W \odot M) + b)

    M (D, H) is 1 where the wiring connects an input to a neuron. With `use_signs` the synapses
    keep the wiring's polarities: :math:`y = \phi(x (|W| \odot S) + b)`, S in {-1, 0, 1}.
    `units` is a wiring, or the number of neurons of a ``FullyConnected``.

    Shape: x (…, D) → y (…, H), one feature for each neuron of the wiring.
    Source: the sensory layer of Lechner et al. 2020, "Neural circuit policies enabling auditable
    autonomy", as a layer of its own.
    """

    layer: ClassVar[str] = "NCPDense"
    kind: ClassVar[Kind] = "feedforward"

    activation: str | None = None
    use_bias: bool = True
    use_signs: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("use_bias", "use_signs"):
            _validate.flag(self.layer, option, getattr(self, option))
        if self.activation is not None:
            _validate.choice(self.layer, "activation", self.activation, _validate.ACTIVATIONS)

    @property
    def output_size(self) -> int:
        """Number of neurons, H."""
        return self.state_size

    @property
    def sensory_signs(self) -> npt.NDArray[np.float32]:
        """The polarities of the synapses from inputs, S (D, H)."""
        built = self.wiring.built(self.known_input_size())
        return sensory_synapses(built).astype(np.float32)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(…, D) → (…, H)."""
        self.check_features(input_shape, (len(input_shape) or 1,), "(…, D)")
        return (*input_shape[:-1], self.output_size)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        init = fan_in_uniform(input_size)
        kernel = Parameter("kernel", (input_size, self.output_size), init)
        bias = Parameter("bias", (self.output_size,), init)
        return (kernel, bias) if self.use_bias else (kernel,)
