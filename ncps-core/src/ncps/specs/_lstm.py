"""LSTM: long short-term memory, one step and a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec, StateShapes
from ncps.specs._initializers import (
    Initializer,
    Orthogonal,
    Uniform,
    XavierUniform,
    fan_in_uniform,
)
from ncps.specs._recurrent import cell_output_shape
from ncps.specs._sequence import SequenceSpec

GATES = ("input_gate", "forget_gate", "cell_gate", "output_gate")


def gate_parameters(
    prefix: str,
    sizes: tuple[int, int],
    kernel: Initializer,
    recurrent: Initializer,
    bias: Initializer | None,
) -> list[Parameter]:
    """The parameters of four LSTM gates, gate by gate, for (input_size, units) = `sizes`."""
    input_size, units = sizes
    parameters = []
    for gate in GATES:
        name = f"{prefix}{gate}"
        parameters.append(Parameter(f"{name}.kernel", (input_size, units), kernel))
        parameters.append(Parameter(f"{name}.recurrent_kernel", (units, units), recurrent))
        if bias is not None:
            parameters.append(Parameter(f"{name}.bias", (units,), bias))
    return parameters


def memory_parameters(sizes: tuple[int, int]) -> list[Parameter]:
    """The memory that CfC and LTC may have, for (input_size, units) = `sizes`."""
    return gate_parameters("memory.", sizes, XavierUniform(), Orthogonal(), Uniform(0.1))


@dataclass(frozen=True, kw_only=True)
class LSTMCell(Spec):
    r"""One step of a long short-term memory.

    .. math::
        i, f, o = \sigma(x W_{i,f,o} + h R_{i,f,o} + b_{i,f,o}),\quad g = \tanh(x W_g + h R_g + b_g)

        c' = f \odot c + i \odot g,\quad h' = o \odot \tanh c'

    Shape: x (B, D), state (h (B, H), c (B, H)) → y (B, H) = h', and the new state.
    Source: Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000.
    """

    layer: ClassVar[str] = "LSTMCell"
    kind: ClassVar[Kind] = "cell"

    units: int
    use_bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(units=_validate.integer(self.layer, "units", self.units))
        _validate.flag(self.layer, "use_bias", self.use_bias)

    @property
    def output_size(self) -> int:
        """Number of units, H."""
        return self.units

    def state_shapes(self) -> StateShapes:
        """Hidden state h and cell state c."""
        return (("h", (self.units,)), ("c", (self.units,)))

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, D) → (B, H)."""
        return cell_output_shape(self, input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        init = fan_in_uniform(self.units)
        bias = init if self.use_bias else None
        return tuple(gate_parameters("", (input_size, self.units), init, init, bias))


@dataclass(frozen=True, kw_only=True)
class LSTM(SequenceSpec, LSTMCell):
    """Long short-term memory over a sequence; the equations are those of `LSTMCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; twice H when
    `bidirectional`. See `SequenceSpec` for several layers and two directions.
    """

    layer: ClassVar[str] = "LSTM"
    kind: ClassVar[Kind] = "sequence"
