"""LayerNorm, RMSNorm, GroupNorm and BatchNorm, by MLX's fused functions where it has them."""

from __future__ import annotations

import math
from typing import Any

import mlx.core as mx

from ncps.canonical import ParameterMap
from ncps.specs import BatchNorm as BatchNormSpec
from ncps.specs import GroupNorm as GroupNormSpec
from ncps.specs import LayerNorm as LayerNormSpec
from ncps.specs import RMSNorm as RMSNormSpec
from ncps.specs import Spec
from ncps_mlx import ops
from ncps_mlx.layers._base import NativeLayer
from ncps_mlx.norm_parameters import NORM_NAMES, norm_map


class _Norm(NativeLayer):
    """What all share: arrays with the names of MLX's own layer; a layer defines `_normalised`."""

    spec: Any

    def _structure(self) -> None:
        for p in self.spec.parameters():
            self[NORM_NAMES[p.name]] = mx.zeros(p.shape)

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return norm_map(spec)

    def _normalised(self, x: mx.array) -> mx.array:
        """x with its mean and deviation taken out; factor and offset come after."""
        raise NotImplementedError(f"{type(self).__name__} must define _normalised")

    def __call__(self, x: Any) -> mx.array:
        """Run x (…, D)."""
        with ops.on_device(self._device):
            x = self._input(x)
            self.spec.output_shape(x.shape)
            return self._affine(self._normalised(x))

    def _affine(self, x: mx.array) -> mx.array:
        if "weight" in self:
            x = x * self["weight"]
        return x + self["bias"] if "bias" in self else x


class LayerNorm(_Norm):
    r"""Each vector of features with mean 0 and variance 1; see `ncps.specs.LayerNorm`.

    .. math:: y = \gamma\,(x - \mu) / \sqrt{\sigma^2 + \varepsilon} + \beta

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError when x does not have D features.
    """

    spec: LayerNormSpec

    def _normalised(self, x: mx.array) -> mx.array:
        return mx.fast.layer_norm(x, self.get("weight"), self.get("bias"), self.spec.epsilon)

    def _affine(self, x: mx.array) -> mx.array:
        return x


class RMSNorm(_Norm):
    r"""Each vector of features over its root mean square; see `ncps.specs.RMSNorm`.

    .. math:: y = \gamma\,x / \sqrt{\operatorname{mean}(x^2) + \varepsilon}

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError when x does not have D features.
    """

    spec: RMSNormSpec

    def _normalised(self, x: mx.array) -> mx.array:
        return mx.fast.rms_norm(x, self.get("weight"), self.spec.epsilon)

    def _affine(self, x: mx.array) -> mx.array:
        return x


class GroupNorm(_Norm):
    r"""Groups of features with mean 0 and variance 1 in each row; see `ncps.specs.GroupNorm`.

    .. math:: y = \gamma\,(x - \mu_g) / \sqrt{\sigma_g^2 + \varepsilon} + \beta

    Shape: x (B, …, D) → y (B, …, D); groups as in MLX's layer when it is ``pytorch_compatible``.
    Raises: ShapeError when x does not have D features, or no batch axis.
    """

    spec: GroupNormSpec

    def _normalised(self, x: mx.array) -> mx.array:
        batch, groups, size = x.shape[0], self.spec.groups, x.shape[-1] // self.spec.groups
        places = math.prod(x.shape[1:-1])
        apart = x.reshape(batch, places, groups, size).swapaxes(1, 2)
        whole = apart.reshape(batch, groups, places * size)
        y = mx.fast.layer_norm(whole, None, None, self.spec.epsilon)
        return y.reshape(apart.shape).swapaxes(1, 2).reshape(x.shape)


class BatchNorm(_Norm):
    r"""Each feature by the statistics of the batches it was trained on; see `ncps.specs.BatchNorm`.

    .. math:: y = \gamma\,(x - \mu) / \sqrt{\sigma^2 + \varepsilon} + \beta

    In training mode a call normalises by the batch and moves `running_mean` and `running_var`,
    which are frozen parameters; after `eval()` it uses those.

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError when x does not have D features, or in training one value for each.
    """

    spec: BatchNormSpec

    def _structure(self) -> None:
        super()._structure()
        self._freeze_statistics()

    def _freeze_statistics(self) -> None:
        self.freeze(keys=["running_mean", "running_var"], recurse=False)

    def unfreeze(self, *args: Any, **kwargs: Any) -> Any:
        """As MLX's; the moving statistics stay frozen."""
        super().unfreeze(*args, **kwargs)
        if self._built:
            self._freeze_statistics()
        return self

    def _normalised(self, x: mx.array) -> mx.array:
        mean, variance = self._statistics(x)
        return (x - mean) * mx.rsqrt(variance + self.spec.epsilon)

    def _statistics(self, x: mx.array) -> tuple[mx.array, mx.array]:
        if not self.training:
            return self["running_mean"], self["running_var"]
        self.spec.check_training(x.shape)
        axes = tuple(range(x.ndim - 1))
        mean, variance = mx.mean(x, axis=axes), mx.var(x, axis=axes)
        number = x.size // x.shape[-1]
        for name, new in (
            ("running_mean", mean),
            ("running_var", variance * (number / (number - 1))),
        ):
            moved = self[name] + self.spec.momentum * (mx.stop_gradient(new) - self[name])
            self[name] = moved.astype(self[name].dtype)
        return mean, variance
