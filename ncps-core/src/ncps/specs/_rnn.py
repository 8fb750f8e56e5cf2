"""RNN: Elman's simple recurrent network, one step and a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec, StateShapes
from ncps.specs._initializers import fan_in_uniform
from ncps.specs._recurrent import cell_output_shape
from ncps.specs._sequence import SequenceSpec

ACTIVATIONS = ("relu", "tanh")


@dataclass(frozen=True, kw_only=True)
class RNNCell(Spec):
    r"""One step of a simple recurrent network.

    .. math:: h' = \phi(x W + h R + b),\quad \phi = \tanh \text{ or } \mathrm{relu}

    Shape: x (B, D), state h (B, H) → y (B, H) = h', and the new state. Δt has no part in it.
    Source: Elman 1990, "Finding structure in time".
    """

    layer: ClassVar[str] = "RNNCell"
    kind: ClassVar[Kind] = "cell"

    units: int
    activation: str = "tanh"
    use_bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(units=_validate.integer(self.layer, "units", self.units))
        _validate.choice(self.layer, "activation", self.activation, ACTIVATIONS)
        _validate.flag(self.layer, "use_bias", self.use_bias)

    @property
    def output_size(self) -> int:
        """Number of units, H."""
        return self.units

    def state_shapes(self) -> StateShapes:
        """Hidden state h."""
        return (("h", (self.units,)),)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, D) → (B, H)."""
        return cell_output_shape(self, input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        init = fan_in_uniform(self.units)
        kernels = (
            Parameter("kernel", (input_size, self.units), init),
            Parameter("recurrent_kernel", (self.units, self.units), init),
        )
        return (*kernels, Parameter("bias", (self.units,), init)) if self.use_bias else kernels


@dataclass(frozen=True, kw_only=True)
class RNN(SequenceSpec, RNNCell):
    """Simple recurrent network over a sequence; the equation is that of `RNNCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; twice H when
    `bidirectional`. See `SequenceSpec` for several layers and two directions.
    """

    layer: ClassVar[str] = "RNN"
    kind: ClassVar[Kind] = "sequence"
