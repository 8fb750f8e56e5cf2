"""The layers on torch that the tests run, and what they are compared by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ncps.testing import TOLERANCES
from ncps_hyena.torch import HyenaBlock, HyenaDNA, HyenaOperator

L_MAX, STEPS = 12, 10
Made = tuple[Any, Tensor]


def operator() -> Made:
    return HyenaOperator(8, L_MAX, order=3, seed=0), torch.randn(2, STEPS, 8)


def block() -> Made:
    return HyenaBlock(8, L_MAX, seed=0), torch.randn(2, STEPS, 8)


def model() -> Made:
    layer = HyenaDNA(L_MAX, 8, 2, head="lm", initializer_range=0.3, seed=0)
    return layer, torch.randint(0, 12, (2, STEPS))


LAYERS = {"operator": operator, "block": block, "model": model}


def close(y: Tensor, expected: Tensor, dtype: str = "float32", gradients: bool = False) -> None:
    bounds = TOLERANCES[dtype].gradients if gradients else TOLERANCES[dtype].values
    torch.testing.assert_close(y.to(expected.dtype), expected, **bounds)


def pieces(layer: Any, x: Tensor, sizes: tuple[int, ...]) -> Iterator[Tensor]:
    state = None
    for part in torch.split(x, list(sizes), dim=1):
        y, state = layer.step(part, state)
        yield y


def changed_data(layer: Any) -> None:
    next(p for n, p in layer.named_parameters() if n.endswith("hidden_0.weight")).data.mul_(1.5)
