"""GRU: the gated recurrent unit, one step and a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec, StateShapes
from ncps.specs._initializers import fan_in_uniform
from ncps.specs._recurrent import cell_output_shape
from ncps.specs._sequence import SequenceSpec

GRU_GATES = ("reset_gate", "update_gate", "new_gate")


@dataclass(frozen=True, kw_only=True)
class GRUCell(Spec):
    r"""One step of a gated recurrent unit.

    .. math::
        r, z = \sigma(x W_{r,z} + h R_{r,z} + b_{r,z}),\quad
        n = \tanh(x W_n + b_n + r \odot (h R_n + c_n))

        h' = (1 - z) \odot n + z \odot h

    :math:`c_n` is the candidate's recurrent bias, ``new_gate.recurrent_bias``. Without
    `reset_after`, the gate acts before the product: :math:`n = \tanh(x W_n + b_n + (r \odot h)
    R_n)`, with no :math:`c_n`.

    Shape: x (B, D), state h (B, H) → y (B, H) = h', and the new state. Δt has no part in it.
    Source: Cho et al. 2014, arXiv:1406.1078; reset after the product as in cuDNN, torch, MLX and
    Keras' default.
    """

    layer: ClassVar[str] = "GRUCell"
    kind: ClassVar[Kind] = "cell"

    units: int
    use_bias: bool = True
    reset_after: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(units=_validate.integer(self.layer, "units", self.units))
        _validate.flag(self.layer, "use_bias", self.use_bias)
        _validate.flag(self.layer, "reset_after", self.reset_after)

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
        parameters = []
        for gate in GRU_GATES:
            parameters.append(Parameter(f"{gate}.kernel", (input_size, self.units), init))
            parameters.append(Parameter(f"{gate}.recurrent_kernel", (self.units, self.units), init))
            if self.use_bias:
                parameters.append(Parameter(f"{gate}.bias", (self.units,), init))
        if self.use_bias and self.reset_after:
            parameters.append(Parameter("new_gate.recurrent_bias", (self.units,), init))
        return tuple(parameters)


@dataclass(frozen=True, kw_only=True)
class GRU(SequenceSpec, GRUCell):
    """Gated recurrent unit over a sequence; the equations are those of `GRUCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; twice H when
    `bidirectional`. See `SequenceSpec` for several layers and two directions.
    """

    layer: ClassVar[str] = "GRU"
    kind: ClassVar[Kind] = "sequence"
