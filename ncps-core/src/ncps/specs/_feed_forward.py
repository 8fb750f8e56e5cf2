"""The feed-forward layers of transformers: two affine maps, with or without a gate between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec
from ncps.specs._initializers import fan_in_uniform


@dataclass(frozen=True, kw_only=True)
class FeedForwardSpec(Spec):
    """What the feed-forward layers share: D features to N hidden ones, and those to H.

    Shape: x (…, D) → y (…, H), N = hidden_units, H = units.
    """

    kind: ClassVar[Kind] = "feedforward"
    gated: ClassVar[bool] = True

    units: int
    hidden_units: int
    use_bias: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("units", "hidden_units"):
            value = _validate.integer(self.layer, option, getattr(self, option))
            self._set(**{option: value})
        _validate.flag(self.layer, "use_bias", self.use_bias)

    @property
    def function(self) -> str:
        """Name of the activation φ."""
        raise NotImplementedError(f"{type(self).__name__} must define function")

    @property
    def output_size(self) -> int:
        """Number of units, H."""
        return self.units

    def output_shape(self, input_shape: Shape) -> Shape:
        """(…, D) → (…, H)."""
        self.check_features(input_shape, (len(input_shape) or 1,), "(…, D)")
        return (*input_shape[:-1], self.units)

    def projections(self, input_size: int) -> dict[str, tuple[int, int]]:
        """Name and shape (in, out) of each kernel."""
        inwards = (input_size, self.hidden_units)
        gate = {"gate": inwards} if self.gated else {}
        return {**gate, "up": inwards, "down": (self.hidden_units, self.units)}

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        found = []
        for name, shape in self.projections(input_size).items():
            init = fan_in_uniform(shape[0])
            found.append(Parameter(f"{name}.kernel", shape, init))
            if self.use_bias:
                found.append(Parameter(f"{name}.bias", shape[1:], init))
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class FeedForward(FeedForwardSpec):
    r"""Two affine maps with an activation between them.

    .. math:: y = \phi(x W_{up} + b_{up}) W_{down} + b_{down}

    Shape: x (…, D) → y (…, H), N = hidden_units, H = units.
    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 2.
    """

    layer: ClassVar[str] = "FeedForward"
    gated: ClassVar[bool] = False

    activation: str = "relu"
    use_bias: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _validate.choice(self.layer, "activation", self.activation, _validate.ACTIVATIONS)

    @property
    def function(self) -> str:
        """Name of the activation φ."""
        return self.activation


@dataclass(frozen=True, kw_only=True)
class GeGLU(FeedForwardSpec):
    r"""A feed-forward layer gated by a GELU (the exact one).

    .. math:: y = (\mathrm{gelu}(x W_{gate}) \odot x W_{up}) W_{down}

    With `use_bias` each product has a bias.

    Shape: x (…, D) → y (…, H), N = hidden_units, H = units.
    Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
    """

    layer: ClassVar[str] = "GeGLU"

    @property
    def function(self) -> str:
        """Name of the activation φ."""
        return "gelu"


@dataclass(frozen=True, kw_only=True)
class SwiGLU(FeedForwardSpec):
    r"""A feed-forward layer gated by a SiLU, also called Swish.

    .. math:: y = (\mathrm{silu}(x W_{gate}) \odot x W_{up}) W_{down}

    With `use_bias` each product has a bias.

    Shape: x (…, D) → y (…, H), N = hidden_units, H = units.
    Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
    """

    layer: ClassVar[str] = "SwiGLU"

    @property
    def function(self) -> str:
        """Name of the activation φ."""
        return "silu"
