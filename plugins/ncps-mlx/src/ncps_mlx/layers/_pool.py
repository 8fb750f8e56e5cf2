"""Pools: MLX's own."""

from __future__ import annotations

import math
from typing import Any

import mlx.core as mx

from ncps.canonical import ParameterMap
from ncps.specs import AveragePool1D as AveragePool1DSpec
from ncps.specs import AveragePool2D as AveragePool2DSpec
from ncps.specs import GlobalAveragePool1D as GlobalAveragePool1DSpec
from ncps.specs import GlobalAveragePool2D as GlobalAveragePool2DSpec
from ncps.specs import GlobalMaxPool1D as GlobalMaxPool1DSpec
from ncps.specs import GlobalMaxPool2D as GlobalMaxPool2DSpec
from ncps.specs import MaxPool1D as MaxPool1DSpec
from ncps.specs import MaxPool2D as MaxPool2DSpec
from ncps.specs import Spec
from ncps_mlx.layers import _bare_sliding
from ncps_mlx.layers._sliding import Sliding, padded


class _Pool(Sliding):
    """One of MLX's pools under `pool`, after the padding that MLX does not have."""

    pool: Any

    def _structure(self) -> None:
        self.pool = _bare_sliding.pool(self.spec)

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return ParameterMap(())


class _MaxPool(_Pool):
    def _slide(self, x: mx.array) -> mx.array:
        if not _bare_sliding.pads_itself(self.spec):
            x = padded(self.spec, x, -math.inf)
        y: mx.array = self.pool(x)
        return y


class MaxPool1D(_MaxPool):
    """An `mlx.nn.MaxPool1d`; see `ncps.specs.MaxPool1D`."""

    spec: MaxPool1DSpec


class MaxPool2D(_MaxPool):
    """An `mlx.nn.MaxPool2d`; see `ncps.specs.MaxPool2D`."""

    spec: MaxPool2DSpec


class _AveragePool(_Pool):
    def _slide(self, x: mx.array) -> mx.array:
        by_hand = not _bare_sliding.pads_itself(self.spec)
        y: mx.array = self.pool(padded(self.spec, x) if by_hand else x)
        if by_hand and not self.spec.count_include_pad:
            inside = mx.ones((1, *x.shape[1:-1], 1), x.dtype)
            y = y / self.pool(padded(self.spec, inside))
        return y


class AveragePool1D(_AveragePool):
    """An `mlx.nn.AvgPool1d`; see `ncps.specs.AveragePool1D`."""

    spec: AveragePool1DSpec


class AveragePool2D(_AveragePool):
    """An `mlx.nn.AvgPool2d`; see `ncps.specs.AveragePool2D`."""

    spec: AveragePool2DSpec


class _GlobalPool(Sliding):
    def _structure(self) -> None:
        """There are no parameters."""

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return ParameterMap(())

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(range(-1 - self.spec.rank, -1))


class _GlobalMaxPool(_GlobalPool):
    def _slide(self, x: mx.array) -> mx.array:
        return mx.max(x, self._axes, self.spec.keepdims)


class GlobalMaxPool1D(_GlobalMaxPool):
    """The largest entry over time; see `ncps.specs.GlobalMaxPool1D`."""

    spec: GlobalMaxPool1DSpec


class GlobalMaxPool2D(_GlobalMaxPool):
    """The largest entry over height and width; see `ncps.specs.GlobalMaxPool2D`."""

    spec: GlobalMaxPool2DSpec


class _GlobalAveragePool(_GlobalPool):
    def _slide(self, x: mx.array) -> mx.array:
        return mx.mean(x, self._axes, self.spec.keepdims)


class GlobalAveragePool1D(_GlobalAveragePool):
    """The average over time; see `ncps.specs.GlobalAveragePool1D`."""

    spec: GlobalAveragePool1DSpec


class GlobalAveragePool2D(_GlobalAveragePool):
    """The average over height and width; see `ncps.specs.GlobalAveragePool2D`."""

    spec: GlobalAveragePool2DSpec
