"""Dense: an affine map and an activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec
from ncps.specs._initializers import fan_in_uniform


@dataclass(frozen=True, kw_only=True)
class Dense(Spec):
    r"""Affine map of the last axis, then an activation.

    .. math:: y = \phi(x W + b)

    Shape: x (…, D) → y (…, H), H = units.
    Source: the defaults of torch.nn.Linear and mlx.nn.Linear.
    """

    layer: ClassVar[str] = "Dense"
    kind: ClassVar[Kind] = "feedforward"

    units: int
    activation: str | None = None
    use_bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(units=_validate.integer(self.layer, "units", self.units))
        _validate.flag(self.layer, "use_bias", self.use_bias)
        if self.activation is not None:
            _validate.choice(self.layer, "activation", self.activation, _validate.ACTIVATIONS)

    @property
    def output_size(self) -> int:
        """Number of units, H."""
        return self.units

    def output_shape(self, input_shape: Shape) -> Shape:
        """(…, D) → (…, H)."""
        self.check_features(input_shape, (len(input_shape) or 1,), "(…, D)")
        return (*input_shape[:-1], self.units)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        init = fan_in_uniform(input_size)
        kernel = Parameter("kernel", (input_size, self.units), init)
        bias = Parameter("bias", (self.units,), init)
        return (kernel, bias) if self.use_bias else (kernel,)
