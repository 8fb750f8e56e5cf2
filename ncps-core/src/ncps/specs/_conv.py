"""Convolutions along one axis and two."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from ncps.errors import ShapeError, SpecError
from ncps.specs import _validate
from ncps.specs._base import Parameter, Shape
from ncps.specs._initializers import fan_in_uniform
from ncps.specs._sliding import SlidingSpec
from ncps.specs._windows import Padding, Sizes, Window, along, each, padding, sizes


@dataclass(frozen=True, kw_only=True)
class KernelSpec(SlidingSpec):
    """What convolutions and their transposes share: filters of some size, and what follows them."""

    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    filters: int
    kernel_size: Sizes
    strides: Sizes = 1
    padding: Padding = "valid"
    dilation: Sizes = 1
    use_bias: bool = True
    activation: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(filters=_validate.integer(self.layer, "filters", self.filters))
        for option in ("kernel_size", "strides", "dilation"):
            value = sizes(self.layer, option, getattr(self, option), self.rank)
            self._set(**{option: value})
        self._set(padding=padding(self.layer, self.padding, self.rank, self.paddings))
        _validate.flag(self.layer, "use_bias", self.use_bias)
        if self.activation is not None:
            _validate.choice(self.layer, "activation", self.activation, _validate.ACTIVATIONS)

    @property
    def output_size(self) -> int:
        """Number of filters."""
        return self.filters

    @property
    def output_features(self) -> int:
        """Number of filters."""
        return self.filters

    def _kernel(self, features: int) -> tuple[Parameter, ...]:
        shape = (*each(self.kernel_size, self.rank), features, self.filters)
        init = fan_in_uniform(math.prod(shape[:-1]))
        kernel, bias = Parameter("kernel", shape, init), Parameter("bias", (self.filters,), init)
        return (kernel, bias) if self.use_bias else (kernel,)


@dataclass(frozen=True, kw_only=True)
class _Conv(KernelSpec):
    groups: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(groups=_validate.integer(self.layer, "groups", self.groups))
        for option in ("filters", "input_size"):
            number = getattr(self, option)
            if number is not None and number % self.groups:
                raise SpecError(
                    f"{self.layer} expected {option} to be a multiple of groups="
                    f"{self.groups}, got {number}. Pass other {option} or groups."
                )

    @property
    def size_unit(self) -> int:
        """The number of groups: each takes as many features."""
        return self.groups

    @property
    def windows(self) -> tuple[Window, ...]:
        """The kernel along each axis."""
        options = (self.kernel_size, self.strides, self.dilation)
        parts = (each(value, self.rank) for value in options)
        return tuple(map(Window, *parts, along(self.padding, self.rank)))

    def check_axes(self, input_shape: Shape) -> None:
        """As of any sliding layer; the features must go into the groups too."""
        super().check_axes(input_shape)
        size = input_shape[-1]
        if size is not None and size % self.groups:
            raise ShapeError(
                f"{self.layer} expected a multiple of groups={self.groups} features on the last "
                f"axis, got shape {tuple(input_shape)}."
            )

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return self._kernel(input_size // self.groups)


@dataclass(frozen=True, kw_only=True)
class Conv1D(_Conv):
    r"""Convolution along time (as everywhere in this field, a cross-correlation).

    .. math:: y_t = \phi\Big(\sum_{j<k} x_{t s + j d - p}\, W_j + b\Big)

    with kernel_size k, strides s, dilation d, and p entries of zeros before x. `padding` is
    ``valid`` (none), ``same`` (⌈T/s⌉ outputs, as in Keras: the odd entry goes after x),
    ``causal`` (all before x, so that y_t sees nothing after x_{ts}), or the number of zeros at
    both ends. With `groups` the features and filters fall into as many parts that do not meet;
    ``groups=D`` is a depthwise convolution.

    Shape: x (B, T, D) or (T, D) → y (B, T', H) or (T', H), H = filters; kernel (k, D/groups, H).
    Source: torch.nn.Conv1d and mlx.nn.Conv1d, which share the first values of the kernel.
    """

    layer: ClassVar[str] = "Conv1D"
    rank: ClassVar[int] = 1
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same", "causal")


@dataclass(frozen=True, kw_only=True)
class Conv2D(_Conv):
    r"""Convolution along two axes, height and width; sizes are one integer or a pair.

    .. math:: y_{uv} = \phi\Big(\sum_{ij} x_{us+id-p,\,vs'+jd'-p'}\, W_{ij} + b\Big)

    Options are those of `Conv1D`, save that there is no causal padding.

    Shape: x (B, H, W, D) or (H, W, D) → y (B, H', W', F), F = filters; kernel
    (k, k', D/groups, F).
    Source: torch.nn.Conv2d and mlx.nn.Conv2d.
    """

    layer: ClassVar[str] = "Conv2D"
    rank: ClassVar[int] = 2
