"""Arguments of a call: checked once, with a batch axis, and nothing at masked steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ncps.specs import inputs
from ncps.specs.inputs import Axes
from ncps_hyena.specs import HyenaDNA, HyenaSpec
from ncps_hyena.torch.ops._host import kit


class Given(NamedTuple):
    """x (B, T, …), which steps are real (B, T) or None for all, and the axes as they came."""

    x: Tensor
    real: Tensor | None
    axes: Axes


def given(spec: HyenaSpec, x: Tensor, mask: Any) -> Given:
    """What stands in a call of features x (B, T, D) or (T, D)."""
    axes = inputs.sequence_axes(spec, tuple(x.shape))
    real = kit.real_mask(spec, axes, mask, x.device)
    return Given(cleared(x.reshape(axes.batch, axes.steps, x.shape[-1]), real), real, axes)


def given_tokens(spec: HyenaDNA, x: Any, mask: Any, device: torch.device) -> Given:
    """What stands in a call of tokens x (B, T) or (T,); masked ones may be any number."""
    x = x if isinstance(x, Tensor) else torch.as_tensor(x, device=device)
    axes = inputs.sequence_axes(spec, tuple(x.shape))
    real = kit.real_mask(spec, axes, mask, device)
    x = x.reshape(axes.batch, axes.steps)
    x = x if real is None else torch.where(real, x, torch.zeros_like(x))
    return Given(kit.indices(spec, x, device), real, axes)


def cleared(x: Tensor, real: Tensor | None) -> Tensor:
    """x (B, T, D) with zeros at masked steps."""
    # zero times NaN is NaN: a gap in the data must not reach the gradient
    return x if real is None else torch.where(real[..., None], x, torch.zeros_like(x))
