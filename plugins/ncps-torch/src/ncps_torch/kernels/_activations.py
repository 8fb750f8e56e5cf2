"""The activations that specs name: as functions, and as kernels run them step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

Activation = Callable[[Tensor], Tensor]


def lecun_tanh(x: Tensor) -> Tensor:
    """1.7159 tanh(0.666 x)."""
    return 1.7159 * torch.tanh(0.666 * x)


def linear(x: Tensor) -> Tensor:
    """x."""
    return x


ACTIVATIONS: Mapping[str, Activation] = {
    "gelu": functional.gelu,
    "lecun_tanh": lecun_tanh,
    "linear": linear,
    "relu": functional.relu,
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
    "tanh": torch.tanh,
}


class Stepwise(NamedTuple):
    """φ for the hand-written scans.

    `run_` takes u, which it may overwrite, and gives z = φ(u). What then stands in u is kept, and
    `slope` turns it into φ'(u), `again` into z, in bulk.
    """

    run_: Activation
    slope: Activation
    again: Activation


def _tanh_slope(z: Tensor) -> Tensor:
    """1 − z² for z = tanh u."""
    return torch.addcmul(z.new_ones(()), z, z, value=-1)


def _relu_slope(z: Tensor) -> Tensor:
    return (z > 0).to(z.dtype)


def _silu_slope(u: Tensor) -> Tensor:
    slope: Tensor = torch.ops.aten.silu_backward(torch.ones_like(u), u)
    return slope


def _gelu_slope(u: Tensor) -> Tensor:
    slope: Tensor = torch.ops.aten.gelu_backward(torch.ones_like(u), u)
    return slope


def _logistic(u: Tensor) -> Tensor:
    """tanh(u/2)/2 = σ(u) − ½."""
    return u.sigmoid_().sub_(0.5)


def _logistic_slope(z: Tensor) -> Tensor:
    """1 − 4z², the slope of tanh where z is half of its value."""
    return torch.addcmul(z.new_ones(()), z, z, value=-4)


def _twice(z: Tensor) -> Tensor:
    return 2 * z


# half precision cannot afford the rounding error of tanh by σ
FOLDED = (torch.float32, torch.float64)


def folds(dtype: torch.dtype) -> bool:
    """Whether scans compute tanh by σ."""
    return dtype in FOLDED


def minus_one_to_one(z: Tensor) -> Tensor:
    """2z − 1: tanh u where z = σ(2u)."""
    return (2 * z).sub_(1)


# no lecun_tanh: its two constants are folded into the weights beside it;
# logistic is tanh, of which both 2 in tanh u = 2(σ(2u) − ½) are folded into them too
STEPWISE: Mapping[str, Stepwise] = {
    "gelu": Stepwise(functional.gelu, _gelu_slope, functional.gelu),
    "logistic": Stepwise(_logistic, _logistic_slope, _twice),
    "relu": Stepwise(torch.relu_, _relu_slope, linear),
    "silu": Stepwise(functional.silu, _silu_slope, functional.silu),
    "tanh": Stepwise(torch.tanh_, _tanh_slope, linear),
}
