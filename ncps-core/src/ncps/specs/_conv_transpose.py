"""Transposed convolutions along one axis and two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.errors import SpecError
from ncps.specs._base import Parameter
from ncps.specs._conv import KernelSpec
from ncps.specs._windows import Sizes, Spread, along, each, sizes


@dataclass(frozen=True, kw_only=True)
class _ConvTranspose(KernelSpec):
    output_padding: Sizes = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        extra = sizes(self.layer, "output_padding", self.output_padding, self.rank, minimum=0)
        self._set(output_padding=extra)
        for window in self.windows:
            if window.output_padding >= max(window.stride, window.dilation):
                raise SpecError(
                    f"{self.layer} expected output_padding below the stride or the dilation, got "
                    f"{extra}: what lies further out is reached by no entry. Pass less."
                )
        if self.padding == "same" and any(each(extra, self.rank)):
            raise SpecError(
                f"{self.layer} expected no output_padding beside padding='same', which fixes the "
                f"output's length, got {extra}. Leave it out, or give padding as integers."
            )

    @property
    def windows(self) -> tuple[Spread, ...]:
        """The kernel along each axis."""
        options = (self.kernel_size, self.strides, self.dilation)
        parts = (each(value, self.rank) for value in options)
        ends = along(self.padding, self.rank), each(self.output_padding, self.rank)
        return tuple(map(Spread, *parts, *ends))

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return self._kernel(input_size)


@dataclass(frozen=True, kw_only=True)
class Conv1DTranspose(_ConvTranspose):
    r"""Transposed convolution along time: each entry is spread over kernel_size k outputs.

    .. math:: y_u = \phi\Big(\sum_{t s + j d - p = u} x_t\, W_j + b\Big)

    with strides s and dilation d. `padding` is ``valid`` (p = 0, all that is reached), ``same``
    (T·s outputs, as in Keras), or the number p of outputs cut off at both ends, of which
    `output_padding` are kept at the end. There are no groups, which neither MLX's nor Keras' layer
    has.

    Shape: x (B, T, D) or (T, D) → y (B, T', H) or (T', H), H = filters, T' = (T − 1)·s +
    (k − 1)·d + 1 − 2p + output_padding; kernel (k, D, H).
    Source: torch.nn.ConvTranspose1d; first values as in mlx.nn.ConvTranspose1d.
    """

    layer: ClassVar[str] = "Conv1DTranspose"
    rank: ClassVar[int] = 1


@dataclass(frozen=True, kw_only=True)
class Conv2DTranspose(_ConvTranspose):
    r"""Transposed convolution along two axes; sizes are one integer or a pair.

    .. math:: y_{uv} = \phi\Big(\sum x_{ab}\, W_{ij} + b\Big),
        \quad a s + i d - p = u,\; b s' + j d' - p' = v

    Options are those of `Conv1DTranspose`.

    Shape: x (B, H, W, D) or (H, W, D) → y (B, H', W', F), F = filters; kernel (k, k', D, F).
    Source: torch.nn.ConvTranspose2d.
    """

    layer: ClassVar[str] = "Conv2DTranspose"
    rank: ClassVar[int] = 2
