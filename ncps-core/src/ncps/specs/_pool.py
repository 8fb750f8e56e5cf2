"""Pools: the largest entry or the average of each window, or of a whole axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.errors import ShapeError, SpecError
from ncps.specs import _validate
from ncps.specs._base import Parameter, Shape
from ncps.specs._sliding import SlidingSpec
from ncps.specs._windows import Padding, Sizes, Window, along, each, padding, sizes


@dataclass(frozen=True, kw_only=True)
class PoolSpec(SlidingSpec):
    """What pools share. A window must always meet an entry of x, so padding stays below it."""

    sized: ClassVar[bool] = False

    pool_size: Sizes = 2
    strides: Sizes | None = None
    padding: Padding = "valid"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(pool_size=sizes(self.layer, "pool_size", self.pool_size, self.rank))
        step = self.pool_size if self.strides is None else self.strides
        self._set(strides=sizes(self.layer, "strides", step, self.rank))
        self._set(padding=padding(self.layer, self.padding, self.rank, ("valid", "same")))
        for window in self.windows:
            if isinstance(window.padding, int) and window.padding >= window.size:
                raise SpecError(
                    f"{self.layer} expected padding below pool_size={self.pool_size}, got "
                    f"{self.padding}: a window would hold nothing but padding. Pass less."
                )

    @property
    def windows(self) -> tuple[Window, ...]:
        """The window along each axis."""
        assert self.strides is not None, "strides are set when the spec is made"
        steps, words = each(self.strides, self.rank), along(self.padding, self.rank)
        size = each(self.pool_size, self.rank)
        return tuple(Window(k, s, 1, p) for k, s, p in zip(size, steps, words, strict=True))

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return ()


@dataclass(frozen=True, kw_only=True)
class MaxPool1D(PoolSpec):
    r"""The largest entry of each window along time, for each feature.

    .. math:: y_t = \max_{j<k} x_{ts+j-p}

    with pool_size k and strides s (default k). `padding` is ``valid``, ``same`` (⌈T/s⌉ outputs, as
    in Keras) or the number of entries at both ends; what lies beyond x never is the largest.

    Shape: x (B, T, D) or (T, D) → y (B, T', D) or (T', D).
    """

    layer: ClassVar[str] = "MaxPool1D"
    rank: ClassVar[int] = 1


@dataclass(frozen=True, kw_only=True)
class MaxPool2D(PoolSpec):
    """The largest entry of each window along height and width; options as of `MaxPool1D`.

    Shape: x (B, H, W, D) or (H, W, D) → y (B, H', W', D) or (H', W', D).
    """

    layer: ClassVar[str] = "MaxPool2D"
    rank: ClassVar[int] = 2


@dataclass(frozen=True, kw_only=True)
class AveragePoolSpec(PoolSpec):
    """What average pools share."""

    count_include_pad: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _validate.flag(self.layer, "count_include_pad", self.count_include_pad)


@dataclass(frozen=True, kw_only=True)
class AveragePool1D(AveragePoolSpec):
    r"""The average of each window along time, for each feature.

    .. math:: y_t = \frac{1}{n_t}\sum_{j<k} x_{ts+j-p}

    with pool_size k, strides s (default k) and `padding` as of `MaxPool1D`. At the border n_t
    counts the entries of x that the window holds, as in Keras; with `count_include_pad` n_t = k
    everywhere and what lies beyond x counts as zeros, as in torch's and MLX's layers.

    Shape: x (B, T, D) or (T, D) → y (B, T', D) or (T', D).
    """

    layer: ClassVar[str] = "AveragePool1D"
    rank: ClassVar[int] = 1


@dataclass(frozen=True, kw_only=True)
class AveragePool2D(AveragePoolSpec):
    """The average of each window along height and width; options as of `AveragePool1D`.

    Shape: x (B, H, W, D) or (H, W, D) → y (B, H', W', D) or (H', W', D).
    """

    layer: ClassVar[str] = "AveragePool2D"
    rank: ClassVar[int] = 2


@dataclass(frozen=True, kw_only=True)
class GlobalPoolSpec(SlidingSpec):
    """What pools over whole axes share."""

    sized: ClassVar[bool] = False

    keepdims: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _validate.flag(self.layer, "keepdims", self.keepdims)

    @property
    def windows(self) -> tuple[Window, ...]:
        """Windows of one entry: any length will do."""
        return (Window(1),) * self.rank

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, T, D) or (B, H, W, D) → (B, D), or ones for the pooled axes; with or without B."""
        self.check_axes(input_shape)
        if 0 in self.lengths(input_shape):
            raise ShapeError(
                f"{self.layer} expected something to pool, got shape {tuple(input_shape)}. "
                "Pass an input with one entry or more along each axis."
            )
        ones = (1,) * self.rank if self.keepdims else ()
        return (*input_shape[: -1 - self.rank], *ones, input_shape[-1])

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return ()


@dataclass(frozen=True, kw_only=True)
class GlobalMaxPool1D(GlobalPoolSpec):
    """The largest entry over time, for each feature.

    Shape: x (B, T, D) or (T, D) → y (B, D) or (D,); with `keepdims` (B, 1, D) or (1, D).
    """

    layer: ClassVar[str] = "GlobalMaxPool1D"
    rank: ClassVar[int] = 1


@dataclass(frozen=True, kw_only=True)
class GlobalMaxPool2D(GlobalPoolSpec):
    """The largest entry over height and width, for each feature.

    Shape: x (B, H, W, D) or (H, W, D) → y (B, D) or (D,); with `keepdims` (B, 1, 1, D).
    """

    layer: ClassVar[str] = "GlobalMaxPool2D"
    rank: ClassVar[int] = 2


@dataclass(frozen=True, kw_only=True)
class GlobalAveragePool1D(GlobalPoolSpec):
    """The average over time, for each feature.

    Shape: x (B, T, D) or (T, D) → y (B, D) or (D,); with `keepdims` (B, 1, D) or (1, D).
    """

    layer: ClassVar[str] = "GlobalAveragePool1D"
    rank: ClassVar[int] = 1


@dataclass(frozen=True, kw_only=True)
class GlobalAveragePool2D(GlobalPoolSpec):
    """The average over height and width, for each feature.

    Shape: x (B, H, W, D) or (H, W, D) → y (B, D) or (D,); with `keepdims` (B, 1, 1, D).
    """

    layer: ClassVar[str] = "GlobalAveragePool2D"
    rank: ClassVar[int] = 2
