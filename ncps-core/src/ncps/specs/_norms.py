"""Normalisation: of each vector (LayerNorm, RMSNorm), over a batch, over groups of features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ncps.errors import ShapeError, SpecError
from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec
from ncps.specs._initializers import Constant


@dataclass(frozen=True, kw_only=True)
class Norm(Spec):
    """What all normalisations share: `epsilon`, and a factor for each feature (`scale`)."""

    kind: ClassVar[Kind] = "feedforward"

    epsilon: float = 1e-5
    scale: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(epsilon=_validate.above_zero(self.layer, "epsilon", self.epsilon))
        _validate.flag(self.layer, "scale", self.scale)

    @property
    def output_size(self) -> int:
        """Number of features, D."""
        return self.known_input_size()

    def output_shape(self, input_shape: Shape) -> Shape:
        """(…, D) → (…, D)."""
        self.check_features(input_shape, (len(input_shape) or 1,), "(…, D)")
        return tuple(input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return (Parameter("gamma", (input_size,), Constant(1.0)),) if self.scale else ()


@dataclass(frozen=True, kw_only=True)
class CenteredNorm(Norm):
    """A normalisation that may also add a number to each feature (`center`)."""

    center: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        _validate.flag(self.layer, "center", self.center)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        beta = (Parameter("beta", (input_size,), Constant(0.0)),) if self.center else ()
        return (*super()._parameters(input_size), *beta)


@dataclass(frozen=True, kw_only=True)
class LayerNorm(CenteredNorm):
    r"""Each vector of features with mean 0 and variance 1, then a factor and an offset.

    .. math:: y = \gamma\,\frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta

    μ and σ² are the mean and the (biased) variance of the last axis.

    Shape: x (…, D) → y (…, D).
    Source: Ba et al. 2016, arXiv:1607.06450; defaults of torch and MLX (Keras has ε = 1e-3).
    """

    layer: ClassVar[str] = "LayerNorm"


@dataclass(frozen=True, kw_only=True)
class RMSNorm(Norm):
    r"""Each vector of features divided by its root mean square, then a factor.

    .. math:: y = \gamma\,\frac{x}{\sqrt{\operatorname{mean}(x^2) + \varepsilon}}

    Shape: x (…, D) → y (…, D).
    Source: Zhang & Sennrich 2019, arXiv:1910.07467; ε of MLX (torch has that of the dtype, Keras
    1e-6).
    """

    layer: ClassVar[str] = "RMSNorm"


@dataclass(frozen=True, kw_only=True)
class GroupNorm(CenteredNorm):
    r"""Each row's features in groups, each with mean 0 and variance 1 over all positions.

    .. math:: y = \gamma\,\frac{x - \mu_g}{\sqrt{\sigma_g^2 + \varepsilon}} + \beta

    Group g has D / groups neighbouring features; μ_g and σ_g² are its mean and (biased) variance
    over these features and all axes between the first and the last.

    Shape: x (B, …, D) → y (B, …, D); the first axis always is a batch.
    Source: Wu & He 2018, arXiv:1803.08494; groups as in torch (in MLX: ``pytorch_compatible``).
    """

    layer: ClassVar[str] = "GroupNorm"
    needs_batch: ClassVar[bool] = True

    groups: int

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(groups=_validate.integer(self.layer, "groups", self.groups))
        if self.input_size is not None and self.input_size % self.groups:
            raise SpecError(
                f"GroupNorm expected an input_size that is a multiple of groups={self.groups}, "
                f"got {self.input_size}. Choose groups that divide the number of features."
            )

    @property
    def size_unit(self) -> int:
        """One feature for each group."""
        return self.groups

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, …, D) → (B, …, D)."""
        self.check_features(input_shape, (max(len(input_shape), 2),), "(B, …, D)")
        return tuple(input_shape)


@dataclass(frozen=True, kw_only=True)
class BatchNorm(CenteredNorm):
    r"""Each feature with the mean 0 and the variance 1 of the batches it was trained on.

    .. math:: y = \gamma\,\frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta

    In inference, which the reference gives, μ and σ² are the moving statistics
    ``moving_mean`` and ``moving_variance``. In training they are the mean and the biased variance
    of the batch over all axes but the last, and the moving ones follow:

    .. math:: m \leftarrow (1 - \text{momentum})\,m + \text{momentum} \cdot m_\text{batch}

    The variance that is followed is the unbiased one, n / (n - 1) times the biased one of n values,
    as in the source, torch and MLX; Keras' own layer follows the biased one. `momentum` is the
    weight of the new value, as in torch and MLX; Keras' `momentum` is that of the old one, 1 minus
    ours.

    `rank` is the number of axes that x has, None for any. It says which layer of torch's own this
    is: 4 is BatchNorm2d, 5 is BatchNorm3d.

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError in training when there is one value for each feature.
    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2.
    """

    layer: ClassVar[str] = "BatchNorm"

    momentum: float = 0.1
    rank: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        momentum = _validate.at_least_zero(self.layer, "momentum", self.momentum)
        if momentum > 1.0:
            raise SpecError(
                f"BatchNorm expected momentum in [0, 1], got {self.momentum!r}. It is the weight "
                "of the new value: pass 0.1 for what Keras calls 0.9."
            )
        self._set(momentum=momentum)
        if self.rank is not None:
            self._set(rank=_validate.integer(self.layer, "rank", self.rank, minimum=2))

    def example(self, rng: np.random.Generator) -> npt.NDArray[Any]:
        """A small random input with `rank` axes."""
        lead = (2, 7, 3, 2)[: 2 if self.rank is None else self.rank - 1]
        return self.draw(rng, (*lead, self.known_input_size()))

    def check_training(self, input_shape: tuple[int, ...]) -> None:
        """ShapeError unless a batch of this shape has two values or more for each feature."""
        number = 1
        for size in input_shape[:-1]:
            number *= size
        if number < 2:
            raise ShapeError(
                f"BatchNorm expected two values or more for each feature in training, got shape "
                f"{tuple(input_shape)}. Pass a larger batch, or call layer.eval() to infer."
            )

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        shape = (input_size,)
        mean = Parameter("moving_mean", shape, Constant(0.0), trainable=False)
        variance = Parameter(
            "moving_variance", shape, Constant(1.0), trainable=False, nonnegative=True
        )
        return (*super()._parameters(input_size), mean, variance)
