"""Activation: a function of each entry, as a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec


@dataclass(frozen=True, kw_only=True)
class Activation(Spec):
    r"""A function :math:`\phi` of each entry: ``gelu``, ``relu``, ``sigmoid``, ``silu``, ….

    .. math:: y = \phi(x)

    ``gelu`` is the exact one, :math:`x\,\Phi(x)`; ``lecun_tanh`` is 1.7159 tanh(⅔ x).

    Shape: x of any shape → y of the same shape.
    """

    layer: ClassVar[str] = "Activation"
    kind: ClassVar[Kind] = "feedforward"
    sized: ClassVar[bool] = False

    activation: str

    def __post_init__(self) -> None:
        super().__post_init__()
        _validate.choice(self.layer, "activation", self.activation, _validate.ACTIVATIONS)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape."""
        return tuple(input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return ()
