"""Convolutions and their transposes: torch's own, with channels last."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ncps.canonical import ParameterMap
from ncps.specs import Conv1D as Conv1DSpec
from ncps.specs import Conv1DTranspose as Conv1DTransposeSpec
from ncps.specs import Conv2D as Conv2DSpec
from ncps.specs import Conv2DTranspose as Conv2DTransposeSpec
from ncps.specs import Spec
from ncps_torch import ops
from ncps_torch.layers import _bare_sliding
from ncps_torch.layers._sliding import Sliding, padded
from ncps_torch.stock_parameters import conv_map


class _Conv(Sliding):
    """One of torch's convolutions under `conv`, after the padding that torch does not have."""

    conv: Any

    def _structure(self, spec: Any) -> None:
        self.conv = _bare_sliding.conv(spec)

    def _constants(self, spec: Any) -> None:
        self.conv.in_channels = spec.known_input_size()

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """The kernel (out, in, …) and the bias of torch's convolution."""
        return conv_map(spec, "conv.")

    def _slide(self, x: Tensor) -> Tensor:
        x = x if _bare_sliding.pads_itself(self.spec) else padded(self.spec, x)
        return ops.ACTIVATIONS[self.spec.activation or "linear"](self.conv(x))


class Conv1D(_Conv):
    """A `torch.nn.Conv1d` with channels last; see `ncps.specs.Conv1D`."""

    spec: Conv1DSpec


class Conv2D(_Conv):
    """A `torch.nn.Conv2d` with channels last; see `ncps.specs.Conv2D`."""

    spec: Conv2DSpec


class _ConvTranspose(_Conv):
    """One of torch's transposed convolutions under `conv`, cut where torch cannot."""

    def _structure(self, spec: Any) -> None:
        self.conv = _bare_sliding.conv_transpose(spec)

    def _slide(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        for axis, window in enumerate(self.spec.windows, start=-self.spec.rank):
            before, after = window.crop
            if after > before:
                y = y.narrow(axis, 0, y.shape[axis] - (after - before))
        return ops.ACTIVATIONS[self.spec.activation or "linear"](y)


class Conv1DTranspose(_ConvTranspose):
    """A `torch.nn.ConvTranspose1d` with channels last; see `ncps.specs.Conv1DTranspose`."""

    spec: Conv1DTransposeSpec


class Conv2DTranspose(_ConvTranspose):
    """A `torch.nn.ConvTranspose2d` with channels last; see `ncps.specs.Conv2DTranspose`."""

    spec: Conv2DTransposeSpec
