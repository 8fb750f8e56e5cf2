"""Pools: torch's own, with channels last."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

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
from ncps_torch.layers import _bare_sliding
from ncps_torch.layers._base import NativeLayer
from ncps_torch.layers._sliding import Sliding, padded


class _Pool(Sliding):
    """One of torch's pools under `pool`, after the padding that torch does not have."""

    pool: Any

    def _structure(self, spec: Any) -> None:
        self.pool = _bare_sliding.pool(spec)

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """Empty."""
        return ParameterMap(())


class _MaxPool(_Pool):
    def _slide(self, x: Tensor) -> Tensor:
        if not _bare_sliding.pads_itself(self.spec):
            x = padded(self.spec, x, -math.inf)
        y: Tensor = self.pool(x)
        return y


class MaxPool1D(_MaxPool):
    """A `torch.nn.MaxPool1d` with channels last; see `ncps.specs.MaxPool1D`."""

    spec: MaxPool1DSpec


class MaxPool2D(_MaxPool):
    """A `torch.nn.MaxPool2d` with channels last; see `ncps.specs.MaxPool2D`."""

    spec: MaxPool2DSpec


class _AveragePool(_Pool):
    def _slide(self, x: Tensor) -> Tensor:
        by_hand = not _bare_sliding.pads_itself(self.spec)
        y: Tensor = self.pool(padded(self.spec, x) if by_hand else x)
        if by_hand and not self.spec.count_include_pad:
            inside = x.new_ones((1, *x.shape[-self.spec.rank :]))
            y = y / self.pool(padded(self.spec, inside))
        return y


class AveragePool1D(_AveragePool):
    """A `torch.nn.AvgPool1d` with channels last; see `ncps.specs.AveragePool1D`."""

    spec: AveragePool1DSpec


class AveragePool2D(_AveragePool):
    """A `torch.nn.AvgPool2d` with channels last; see `ncps.specs.AveragePool2D`."""

    spec: AveragePool2DSpec


class _GlobalPool(NativeLayer):
    spec: Any

    def _structure(self, spec: Any) -> None:
        """There are no parameters."""

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """Empty."""
        return ParameterMap(())

    def forward(self, x: Any) -> Tensor:
        """Run x with its features last."""
        x = self._input(x)
        self.spec.output_shape(tuple(x.shape))
        return self._pool(x, tuple(range(-1 - self.spec.rank, -1)))

    def _pool(self, x: Tensor, axes: tuple[int, ...]) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define _pool")


class _GlobalMaxPool(_GlobalPool):
    def _pool(self, x: Tensor, axes: tuple[int, ...]) -> Tensor:
        return x.amax(axes, keepdim=self.spec.keepdims)


class GlobalMaxPool1D(_GlobalMaxPool):
    """The largest entry over time; see `ncps.specs.GlobalMaxPool1D`."""

    spec: GlobalMaxPool1DSpec


class GlobalMaxPool2D(_GlobalMaxPool):
    """The largest entry over height and width; see `ncps.specs.GlobalMaxPool2D`."""

    spec: GlobalMaxPool2DSpec


class _GlobalAveragePool(_GlobalPool):
    def _pool(self, x: Tensor, axes: tuple[int, ...]) -> Tensor:
        return x.mean(axes, keepdim=self.spec.keepdims)


class GlobalAveragePool1D(_GlobalAveragePool):
    """The average over time; see `ncps.specs.GlobalAveragePool1D`."""

    spec: GlobalAveragePool1DSpec


class GlobalAveragePool2D(_GlobalAveragePool):
    """The average over height and width; see `ncps.specs.GlobalAveragePool2D`."""

    spec: GlobalAveragePool2DSpec
