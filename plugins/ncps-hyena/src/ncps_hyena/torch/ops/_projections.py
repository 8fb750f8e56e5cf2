"""The affine maps into and out of the layout of the convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ncps_hyena.torch import kernels
from ncps_hyena.torch.ops._host import kit


def inward(x: Tensor, maps: Sequence[nn.Linear], features_last: bool = False) -> Tensor:
    """All maps of x (B, T, D) side by side (B, O, T), contiguous in time or in features."""
    W = torch.cat([m.weight for m in maps]).to(x.dtype)
    b = torch.cat([m.bias for m in maps]).to(x.dtype)
    with kit.without_autocast(x.device):
        if features_last:
            return nn.functional.linear(x, W, b).mT
        return kernels.inward_plain(x, W, b) if kit.in_transform() else _in(x, W, b)


def outward(v: Tensor, linear: nn.Linear, features_last: bool = False) -> Tensor:
    """The map of v (B, D, T), in either layout, as (B, T, O)."""
    W, b = linear.weight.to(v.dtype), linear.bias.to(v.dtype)
    with kit.without_autocast(v.device):
        if features_last or kit.in_transform():
            return kernels.outward_plain(v, W, b)
        return _out(v, W, b)


def _in(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    z: Tensor = kernels.Inward.apply(x, W, b)  # type: ignore[no-untyped-call]
    return z


def _out(v: Tensor, W: Tensor, b: Tensor) -> Tensor:
    y: Tensor = kernels.Outward.apply(v, W, b)  # type: ignore[no-untyped-call]
    return y
