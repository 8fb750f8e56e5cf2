"""The causal convolution agrees with its plain twin, and the twin with torch's convolution."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d

from ncps.testing import TOLERANCES
from ncps_xlstm.torch.kernels import (
    CausalConv,
    _pieces,
    causal_conv_forward,
    causal_conv_plain,
)

# B, T, D, K
SIZES = [(1, 1, 1, 1), (2, 31, 3, 4), (3, 32, 33, 2), (1, 33, 2, 4), (2, 65, 1, 7), (2, 2, 3, 4)]


def arguments(sizes: Any, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    B, T, D, K = sizes
    shapes = [(B, K - 1 + T, D), (K, D), (D,)]
    drawn = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [t.to(dtype).requires_grad_() for t in drawn]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("numbers", [100, 1 << 21])
def test_convolution_agrees_with_twin(
    sizes: Any, numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pieces, "SEGMENT", numbers)
    flat = arguments(sizes)
    x, w, b = flat
    stock = conv1d(x.transpose(1, 2), w.t()[:, None], b, groups=w.shape[1]).transpose(1, 2)
    weights = torch.linspace(-1, 2, stock.numel(), dtype=stock.dtype).view_as(stock)
    expected = stock, torch.autograd.grad((stock * weights).sum(), flat)
    for function in (causal_conv_plain, CausalConv.apply):
        y = function(*flat)
        torch.testing.assert_close((y, torch.autograd.grad((y * weights).sum(), flat)), expected)
    with torch.no_grad():
        torch.testing.assert_close(causal_conv_forward(*flat), stock)


def test_numeric_derivatives_agree_twice() -> None:
    flat = arguments((2, 3, 2, 3))
    assert torch.autograd.gradcheck(CausalConv.apply, flat)
    assert torch.autograd.gradgradcheck(CausalConv.apply, flat)


def test_half_precision_is_summed_in_single() -> None:
    half = arguments((2, 65, 3, 4), torch.bfloat16)
    single = [t.detach().float().requires_grad_() for t in half]
    results = []
    for flat in (half, single):
        y = CausalConv.apply(*flat)
        results.append((y, *torch.autograd.grad(y.float().square().sum(), flat)))
    assert {t.dtype for t in results[0]} == {torch.bfloat16}
    bounds = TOLERANCES["bfloat16"]
    torch.testing.assert_close(results[0][0].float(), results[1][0], **bounds.values)
    for a, b in zip(results[0][1:], results[1][1:], strict=True):
        torch.testing.assert_close(a.float() / b.abs().max(), b / b.abs().max(), **bounds.gradients)
