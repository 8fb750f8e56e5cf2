"""LayerNorm, RMSNorm, GroupNorm and BatchNorm, by torch's own functions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ncps.canonical import ParameterMap
from ncps.specs import BatchNorm as BatchNormSpec
from ncps.specs import GroupNorm as GroupNormSpec
from ncps.specs import LayerNorm as LayerNormSpec
from ncps.specs import RMSNorm as RMSNormSpec
from ncps.specs import Spec
from ncps_torch import ops
from ncps_torch.layers._base import NativeLayer
from ncps_torch.stock_parameters import NORM_NAMES, norm_map


class _Norm(NativeLayer):
    """What all share: tensors with the names of torch's own layer, so that its files load."""

    spec: Any
    weight: Tensor | None
    bias: Tensor | None

    def _structure(self, spec: Any) -> None:
        for name in ("weight", "bias"):
            self.register_parameter(name, None)
        for p in spec.parameters():
            tensor = torch.empty(p.shape)
            if p.trainable:
                self.register_parameter(NORM_NAMES[p.name], nn.Parameter(tensor))
            else:
                self.register_buffer(NORM_NAMES[p.name], tensor)

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """Factor and offset as `weight` and `bias`."""
        return norm_map(spec)

    def _compute_dtype(self, parameter: Tensor) -> torch.dtype:
        # autocast has its own rules for these functions
        return parameter.dtype

    def _checked(self, x: Any) -> Tensor:
        tensor = self._input(x)
        self.spec.output_shape(tuple(tensor.shape))
        return tensor


class LayerNorm(_Norm):
    r"""Each vector of features with mean 0 and variance 1; see `ncps.specs.LayerNorm`.

    .. math:: y = \gamma\,(x - \mu) / \sqrt{\sigma^2 + \varepsilon} + \beta

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError when x does not have D features.
    """

    spec: LayerNormSpec

    def forward(self, x: Any) -> Tensor:
        """Run x (…, D)."""
        x = self._checked(x)
        return functional.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.spec.epsilon)


class RMSNorm(_Norm):
    r"""Each vector of features over its root mean square; see `ncps.specs.RMSNorm`.

    .. math:: y = \gamma\,x / \sqrt{\operatorname{mean}(x^2) + \varepsilon}

    Shape: x (…, D) → y (…, D).
    Raises: ShapeError when x does not have D features.
    """

    spec: RMSNormSpec

    def forward(self, x: Any) -> Tensor:
        """Run x (…, D)."""
        x = self._checked(x)
        return functional.rms_norm(x, x.shape[-1:], self.weight, self.spec.epsilon)


class GroupNorm(_Norm):
    r"""Groups of features with mean 0 and variance 1 in each row; see `ncps.specs.GroupNorm`.

    .. math:: y = \gamma\,(x - \mu_g) / \sqrt{\sigma_g^2 + \varepsilon} + \beta

    Shape: x (B, …, D) → y (B, …, D), features last, unlike `torch.nn.GroupNorm`.
    Raises: ShapeError when x does not have D features, or no batch axis.
    """

    spec: GroupNormSpec

    def forward(self, x: Any) -> Tensor:
        """Run x (B, …, D)."""
        x, spec = self._checked(x), self.spec
        return ops.group_norm(x, spec.groups, self.weight, self.bias, spec.epsilon)


class BatchNorm(_Norm):
    r"""Each feature by the statistics of the batches it was trained on; see `ncps.specs.BatchNorm`.

    .. math:: y = \gamma\,(x - \mu) / \sqrt{\sigma^2 + \varepsilon} + \beta

    In training mode a call normalises by the batch and moves `running_mean` and `running_var`,
    which are buffers; after `eval()` it uses those.

    Shape: x (…, D) → y (…, D), features last, unlike `torch.nn.BatchNorm1d`.
    Raises: ShapeError when x does not have D features, or in training one value for each.
    """

    spec: BatchNormSpec
    running_mean: Tensor
    running_var: Tensor

    def forward(self, x: Any) -> Tensor:
        """Run x (…, D)."""
        x = self._checked(x)
        if self.training:
            self.spec.check_training(tuple(x.shape))
        y = functional.batch_norm(
            x.reshape(-1, x.shape[-1]),
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.spec.momentum,
            self.spec.epsilon,
        )
        return y.reshape(x.shape)

    def _accept(self, state_dict: dict[str, Any], prefix: str, errors: list[str]) -> None:
        """Pass over the number of batches that torch's own layer counts."""
        state_dict.pop(f"{prefix}num_batches_tracked", None)
