"""LayerNorm, RMSNorm, GroupNorm and BatchNorm."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops as kops

from ncps.specs import BatchNorm as BatchNormSpec
from ncps.specs import GroupNorm as GroupNormSpec
from ncps.specs import LayerNorm as LayerNormSpec
from ncps.specs import RMSNorm as RMSNormSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._feedforward import FeedForward


class _Norm(FeedForward):
    """What all share: variables with the names of Keras' own, and float32 for what is less."""

    spec: Any

    def _wide(self, name: str) -> Any:
        """A parameter in the dtype that means are taken in; None without one of this name."""
        value = self._read(name)
        return None if value is None else ops.widened(value)

    def _run(self, x: Any) -> Any:
        return kops.cast(self._normalised(ops.widened(x)), self.compute_dtype)

    def _normalised(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define _normalised")


@keras.saving.register_keras_serializable(package=PACKAGE)
class LayerNorm(_Norm):
    r"""Each vector of features with mean 0 and variance 1; see `ncps.specs.LayerNorm`.

    .. math:: y = \gamma\,(x - \mu) / \sqrt{\sigma^2 + \varepsilon} + \beta

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError when x does not have D features.
    """

    spec: LayerNormSpec

    def _normalised(self, x: Any) -> Any:
        return ops.layer_norm(x, self._wide("gamma"), self._wide("beta"), self.spec.epsilon)


@keras.saving.register_keras_serializable(package=PACKAGE)
class RMSNorm(_Norm):
    r"""Each vector of features over its root mean square; see `ncps.specs.RMSNorm`.

    .. math:: y = \gamma\,x / \sqrt{\operatorname{mean}(x^2) + \varepsilon}

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError when x does not have D features.
    """

    spec: RMSNormSpec

    def _normalised(self, x: Any) -> Any:
        return ops.rms_norm(x, self._wide("gamma"), self.spec.epsilon)


@keras.saving.register_keras_serializable(package=PACKAGE)
class GroupNorm(_Norm):
    r"""Groups of features with mean 0 and variance 1 in each row; see `ncps.specs.GroupNorm`.

    .. math:: y = \gamma\,(x - \mu_g) / \sqrt{\sigma_g^2 + \varepsilon} + \beta

    Shape: x (B, …, D) → y (B, …, D).
    Raises: ShapeError when x does not have D features, or no batch axis.
    """

    spec: GroupNormSpec

    def _normalised(self, x: Any) -> Any:
        gamma, beta = self._wide("gamma"), self._wide("beta")
        return ops.group_norm(x, self.spec.groups, gamma, beta, self.spec.epsilon)


@keras.saving.register_keras_serializable(package=PACKAGE)
class BatchNorm(_Norm):
    r"""Each feature by the statistics of the batches it was trained on; see `ncps.specs.BatchNorm`.

    .. math:: y = \gamma\,(x - \mu) / \sqrt{\sigma^2 + \varepsilon} + \beta

    With ``training=True``, which `fit` gives, a call normalises by the batch and moves
    `moving_mean` and `moving_variance`, which are weights that no optimiser trains; else it uses
    those, and so it does with ``trainable=False``, as Keras' own layer does. Unlike that layer's,
    `momentum` weighs the new value, and the variance that is followed is the unbiased one.

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError when x does not have D features, or in training one value for each.
    """

    spec: BatchNormSpec

    def call(self, x: Any, training: bool = False) -> Any:
        """Run x (…, D)."""
        x = self._input(x)
        self.spec.output_shape(tuple(x.shape))
        wide = ops.widened(x)
        if training and self.trainable:
            mean, variance = self._followed(wide)
        else:
            mean, variance = self._wide("moving_mean"), self._wide("moving_variance")
        gamma, beta = self._wide("gamma"), self._wide("beta")
        y = ops.standardised(wide, mean, variance, gamma, beta, self.spec.epsilon)
        return kops.cast(y, self.compute_dtype)

    def _followed(self, x: Any) -> tuple[Any, Any]:
        """Mean and variance of the batch, once the moving ones have followed them."""
        if None not in x.shape[:-1]:
            self.spec.check_training(tuple(x.shape))
        mean, variance = ops.moments(x, tuple(range(len(x.shape) - 1)))
        n = kops.cast(kops.size(x), x.dtype) / x.shape[-1]
        self._follow("moving_mean", mean)
        self._follow("moving_variance", variance * (n / (n - 1)))
        return mean, variance

    def _follow(self, name: str, value: Any) -> None:
        variable, rate = self._own[name], self.spec.momentum
        new = kops.stop_gradient(kops.reshape(value, variable.shape))
        old = kops.cast(variable, new.dtype)
        variable.assign(kops.cast((1.0 - rate) * old + rate * new, variable.dtype))
