"""The activations that specs name: as functions, and as kernels run them step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

Activation = Callable[[Tensor], Tensor]
# half precision cannot afford the rounding error of tanh by σ
FOLDED = (torch.float32, torch.float64)


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
    `slope` writes φ'(u) for it into another tensor, `again` turns it into z, in bulk.
    """

    run_: Activation
    slope: Callable[[Tensor, Tensor], object]
    again: Activation


def _tanh_slope(z: Tensor, out: Tensor) -> None:
    """1 − z² for z = tanh u."""
    torch.addcmul(z.new_ones(()), z, z, value=-1, out=out)


def _relu_slope(z: Tensor, out: Tensor) -> None:
    torch.gt(z, 0, out=out)


def _silu_slope(u: Tensor, out: Tensor) -> None:
    torch.ops.aten.silu_backward.grad_input(u.new_ones(()).expand_as(u), u, grad_input=out)


def _gelu_slope(u: Tensor, out: Tensor) -> None:
    torch.ops.aten.gelu_backward.grad_input(u.new_ones(()).expand_as(u), u, grad_input=out)


# as tensors: a Python number is made one, at a cost like the operation's, by every call
_HALVES = {dtype: torch.tensor(0.5, dtype=dtype, device="cpu") for dtype in FOLDED}


def half(like: Tensor) -> Tensor:
    """½ in the dtype of a tensor."""
    return _HALVES[like.dtype]


def _logistic(u: Tensor) -> Tensor:
    """tanh(u/2)/2 = σ(u) − ½."""
    return u.sigmoid_().sub_(half(u))


def _logistic_slope(z: Tensor, out: Tensor) -> None:
    """σ(1 − σ) = ¼ − z² for z = σ − ½."""
    torch.addcmul(z.new_full((), 0.25), z, z, value=-1, out=out)


def folds(dtype: torch.dtype) -> bool:
    """Whether scans compute tanh by σ."""
    return dtype in FOLDED


# no lecun_tanh: its two constants are folded into the weights beside it;
# logistic is tanh, of which both 2 in tanh u = 2(σ(2u) − ½) are folded into them too
STEPWISE: Mapping[str, Stepwise] = {
    "gelu": Stepwise(functional.gelu, _gelu_slope, functional.gelu),
    "logistic": Stepwise(_logistic, _logistic_slope, linear),
    "relu": Stepwise(torch.relu_, _relu_slope, linear),
    "silu": Stepwise(functional.silu, _silu_slope, functional.silu),
    "tanh": Stepwise(torch.tanh_, _tanh_slope, linear),
}
