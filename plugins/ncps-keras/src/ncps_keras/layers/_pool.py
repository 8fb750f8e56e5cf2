"""Pools over windows and over whole axes."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops as kops

from ncps.specs import AveragePool1D as AveragePool1DSpec
from ncps.specs import AveragePool2D as AveragePool2DSpec
from ncps.specs import GlobalAveragePool1D as GlobalAveragePool1DSpec
from ncps.specs import GlobalAveragePool2D as GlobalAveragePool2DSpec
from ncps.specs import GlobalMaxPool1D as GlobalMaxPool1DSpec
from ncps.specs import GlobalMaxPool2D as GlobalMaxPool2DSpec
from ncps.specs import MaxPool1D as MaxPool1DSpec
from ncps.specs import MaxPool2D as MaxPool2DSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._sliding import Sliding


class _MaxPool(Sliding):
    def _slide(self, x: Any) -> Any:
        return ops.max_pool(self.spec.windows, x)


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaxPool1D(_MaxPool):
    """The largest entry of each window along time; see `ncps.specs.MaxPool1D`."""

    spec: MaxPool1DSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaxPool2D(_MaxPool):
    """The largest entry of each window; see `ncps.specs.MaxPool2D`."""

    spec: MaxPool2DSpec


class _AveragePool(Sliding):
    def _slide(self, x: Any) -> Any:
        return ops.average_pool(self.spec.windows, x, self.spec.count_include_pad)


@keras.saving.register_keras_serializable(package=PACKAGE)
class AveragePool1D(_AveragePool):
    """The average of each window along time; see `ncps.specs.AveragePool1D`."""

    spec: AveragePool1DSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class AveragePool2D(_AveragePool):
    """The average of each window; see `ncps.specs.AveragePool2D`."""

    spec: AveragePool2DSpec


class _GlobalPool(Sliding):
    def _slide(self, x: Any) -> Any:
        return self._pool(x, tuple(range(1, 1 + self.spec.rank)))

    def _pool(self, x: Any, axes: tuple[int, ...]) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define _pool")


class _GlobalMaxPool(_GlobalPool):
    def _pool(self, x: Any, axes: tuple[int, ...]) -> Any:
        return kops.max(x, axis=axes, keepdims=self.spec.keepdims)


@keras.saving.register_keras_serializable(package=PACKAGE)
class GlobalMaxPool1D(_GlobalMaxPool):
    """The largest entry over time; see `ncps.specs.GlobalMaxPool1D`."""

    spec: GlobalMaxPool1DSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class GlobalMaxPool2D(_GlobalMaxPool):
    """The largest entry over height and width; see `ncps.specs.GlobalMaxPool2D`."""

    spec: GlobalMaxPool2DSpec


class _GlobalAveragePool(_GlobalPool):
    def _pool(self, x: Any, axes: tuple[int, ...]) -> Any:
        return ops.mean(x, axes, self.spec.keepdims)


@keras.saving.register_keras_serializable(package=PACKAGE)
class GlobalAveragePool1D(_GlobalAveragePool):
    """The average over time; see `ncps.specs.GlobalAveragePool1D`."""

    spec: GlobalAveragePool1DSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class GlobalAveragePool2D(_GlobalAveragePool):
    """The average over height and width; see `ncps.specs.GlobalAveragePool2D`."""

    spec: GlobalAveragePool2DSpec
