"""Convolutions and their transposes: MLX's own."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.canonical import ParameterMap
from ncps.specs import Conv1D as Conv1DSpec
from ncps.specs import Conv1DTranspose as Conv1DTransposeSpec
from ncps.specs import Conv2D as Conv2DSpec
from ncps.specs import Conv2DTranspose as Conv2DTransposeSpec
from ncps.specs import Spec
from ncps_mlx import ops
from ncps_mlx.layers import _bare_sliding
from ncps_mlx.layers._sliding import Sliding, padded
from ncps_mlx.parameters import conv_map


class _Conv(Sliding):
    """One of MLX's convolutions under `conv`, after the padding that MLX does not have."""

    conv: Any

    def _structure(self) -> None:
        self.conv = _bare_sliding.conv(self.spec)

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        """The kernel (out, …, in) and the bias of MLX's convolution."""
        return conv_map(spec)

    def _slide(self, x: mx.array) -> mx.array:
        x = x if _bare_sliding.pads_itself(self.spec) else padded(self.spec, x)
        return ops.ACTIVATIONS[self.spec.activation or "linear"](self.conv(x))


class Conv1D(_Conv):
    """An `mlx.nn.Conv1d`; see `ncps.specs.Conv1D`."""

    spec: Conv1DSpec


class Conv2D(_Conv):
    """An `mlx.nn.Conv2d`; see `ncps.specs.Conv2D`."""

    spec: Conv2DSpec


class _ConvTranspose(_Conv):
    """One of MLX's transposed convolutions under `conv`, cut to length here.

    MLX 0.32 has wrong values for padding beyond the kernel's reach, and wrong gradients with
    output padding.
    """

    _spread: Any

    def _structure(self) -> None:
        self.conv = _bare_sliding.conv_transpose(self.spec)

    def _slide(self, x: mx.array) -> mx.array:
        spec = self.spec
        options = {"stride": spec.strides, "dilation": spec.dilation}
        y = type(self)._spread(x, self.conv.weight, **options)
        ends = [window.crop for window in spec.windows]
        y = mx.pad(y, [(0, 0), *((0, max(-after, 0)) for _, after in ends), (0, 0)])
        kept = (
            slice(before, n - max(after, 0))
            for n, (before, after) in zip(y.shape[1:-1], ends, strict=True)
        )
        y = y[(slice(None), *kept)]
        if spec.use_bias:
            y = y + self.conv.bias
        return ops.ACTIVATIONS[spec.activation or "linear"](y)


class Conv1DTranspose(_ConvTranspose):
    """An `mlx.nn.ConvTranspose1d`; see `ncps.specs.Conv1DTranspose`."""

    spec: Conv1DTransposeSpec
    _spread = staticmethod(mx.conv_transpose1d)


class Conv2DTranspose(_ConvTranspose):
    """An `mlx.nn.ConvTranspose2d`; see `ncps.specs.Conv2DTranspose`."""

    spec: Conv2DTransposeSpec
    _spread = staticmethod(mx.conv_transpose2d)
