"""HyenaBlock: a pre-norm residual block with the operator where a transformer has attention."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ncps.specs import Parameter, Shape, options
from ncps.specs.initializers import Constant
from ncps_hyena.specs._draws import Alone, Draws
from ncps_hyena.specs._filter import HyenaSpec
from ncps_hyena.specs._operator import HyenaOperator, operator_parameters


@dataclass(frozen=True, kw_only=True)
class BlockSpec(HyenaSpec):
    """What a block and a stack of blocks share.

    `inner_size` is the width I of the feed-forward part, 4·D unless given. `residual_dropout`
    drops entries of what is added to the residual stream, `dropout` those of the operator.
    """

    inner_size: int | None = None
    layer_norm_epsilon: float = 1e-5
    residual_dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.inner_size is not None:
            inner = options.integer(self.layer, "inner_size", self.inner_size)
            self._set(inner_size=inner)
        epsilon = options.above_zero(self.layer, "layer_norm_epsilon", self.layer_norm_epsilon)
        dropped = options.fraction(self.layer, "residual_dropout", self.residual_dropout)
        self._set(layer_norm_epsilon=epsilon, residual_dropout=dropped)

    @property
    def inner(self) -> int:
        """Width of the feed-forward part, I."""
        return 4 * self.features if self.inner_size is None else self.inner_size

    @property
    def operator(self) -> HyenaOperator:
        """The spec of the operator in a block."""
        return HyenaOperator(**self._options_of(HyenaSpec, input_size=self.features))


@dataclass(frozen=True, kw_only=True)
class HyenaBlock(BlockSpec):
    r"""A pre-norm residual block with a Hyena operator where a transformer has attention.

    .. math::
        x' = x + \mathrm{operator}(\mathrm{LN}_1(x)),\quad
        y = x' + \mathrm{gelu}(\mathrm{LN}_2(x') W_{up} + b_{up}) W_{down} + b_{down}

    with the GELU's tanh approximation, ½ z (1 + tanh(√(2/π) (z + 0.044715 z³))). See
    `HyenaOperator` and `HyenaSpec` for the operator, its mask and its steps.

    Shape: x (B, T, D) or (T, D), T ≤ l_max → y as x.
    Raises: SpecError when an option has a value that the layer cannot have; ShapeError for more
    than l_max steps.
    Source: Nguyen et al. 2023, arXiv:2306.15794, figure 1.3.
    """

    layer: ClassVar[str] = "HyenaBlock"

    @property
    def output_size(self) -> int:
        """As many features as the input has."""
        return self.known_input_size()

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, T, D) → (B, T, D)."""
        self.check_features(input_shape, (2, 3), "(B, T, D) or (T, D)")
        return tuple(input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return block_parameters(self, Alone())


def block_parameters(spec: BlockSpec, draws: Draws) -> tuple[Parameter, ...]:
    """The canonical parameters of a block with these options."""
    features, inner = spec.features, spec.inner
    inside = operator_parameters(spec, draws)
    return (
        *norm_parameters("norm_1", features),
        *(replace(p, name=f"operator.{p.name}") for p in inside),
        *norm_parameters("norm_2", features),
        Parameter("mlp.up.kernel", (features, inner), draws.kernel(features)),
        Parameter("mlp.up.bias", (inner,), draws.bias(features)),
        Parameter("mlp.down.kernel", (inner, features), draws.output(inner)),
        Parameter("mlp.down.bias", (features,), draws.bias(inner)),
    )


def norm_parameters(name: str, features: int) -> tuple[Parameter, ...]:
    """The factor and the offset of a LayerNorm."""
    return (
        Parameter(f"{name}.gamma", (features,), Constant(1.0)),
        Parameter(f"{name}.beta", (features,), Constant(0.0)),
    )
