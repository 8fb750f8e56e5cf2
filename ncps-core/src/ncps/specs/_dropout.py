"""Dropout: entries left out at random while training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec


@dataclass(frozen=True, kw_only=True)
class Dropout(Spec):
    r"""Leaves out each entry with probability `rate` while training, and nothing otherwise.

    .. math:: y = \frac{m \odot x}{1 - rate},\quad m \sim \mathrm{Bernoulli}(1 - rate)

    in training mode; y = x in evaluation, which is what the reference computes. The mean of y is x
    in both. The framework's own generator draws m, so that its own seed fixes it.

    Shape: x of any shape → y of the same shape.
    Source: Srivastava et al. 2014, Dropout, JMLR 15; scaled while training as in every framework.
    """

    layer: ClassVar[str] = "Dropout"
    kind: ClassVar[Kind] = "feedforward"
    sized: ClassVar[bool] = False

    rate: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(rate=_validate.fraction(self.layer, "rate", self.rate))

    def output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape."""
        return tuple(input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return ()
