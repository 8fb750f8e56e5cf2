"""Convolutions and their transposes, by Keras' `conv` and `conv_transpose`."""

from __future__ import annotations

from typing import Any

import keras

from ncps.specs import Conv1D as Conv1DSpec
from ncps.specs import Conv1DTranspose as Conv1DTransposeSpec
from ncps.specs import Conv2D as Conv2DSpec
from ncps.specs import Conv2DTranspose as Conv2DTransposeSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._sliding import Sliding


class _Kernel(Sliding):
    """What both share: a kernel (k, …, D, H), a bias and an activation."""

    def _slide(self, x: Any) -> Any:
        y, bias = self._convolved(x, self._read("kernel")), self._read("bias")
        y = y if bias is None else y + bias
        return ops.ACTIVATIONS[self.spec.activation or "linear"](y)

    def _convolved(self, x: Any, W: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define _convolved")


class _Conv(_Kernel):
    def _convolved(self, x: Any, W: Any) -> Any:
        return ops.conv(self.spec.windows, self.spec.groups, W, x)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Conv1D(_Conv):
    """Convolution along time; see `ncps.specs.Conv1D` for the equation and shapes."""

    spec: Conv1DSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class Conv2D(_Conv):
    """Convolution along height and width; see `ncps.specs.Conv2D`."""

    spec: Conv2DSpec


class _ConvTranspose(_Kernel):
    def _convolved(self, x: Any, W: Any) -> Any:
        return ops.conv_transpose(self.spec.windows, W, x)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution along time; see `ncps.specs.Conv1DTranspose`."""

    spec: Conv1DTransposeSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution along height and width; see `ncps.specs.Conv2DTranspose`."""

    spec: Conv2DTransposeSpec
