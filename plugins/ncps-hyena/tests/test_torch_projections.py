"""Affine maps between the two layouts on torch: torch's own map, and every array in its layout."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear

from ncps_hyena.torch.kernels import Inward, Outward, inward_plain, outward_plain

# rows, steps, features in and out
SIZES = [(1, 1, 1, 1), (2, 31, 33, 5), (3, 65, 2, 32)]
# numbers from the start of a row of so many steps to that of the next
PADDED = {1: 1, 31: 32, 65: 80}
DIRECTIONS = {"inward": (Inward.apply, inward_plain), "outward": (Outward.apply, outward_plain)}


def arguments(sizes: tuple[int, int, int, int], direction: str) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    B, L, D, out = sizes
    shapes = [(B, L, D) if direction == "inward" else (B, D, L), (out, D), (out,)]
    drawn = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
    return [t.requires_grad_() for t in drawn]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_projection_is_torchs_linear_in_the_other_layout(
    sizes: tuple[int, int, int, int], direction: str
) -> None:
    flat = arguments(sizes, direction)
    a, W, b = flat
    expected = linear(a, W, b).mT if direction == "inward" else linear(a.mT, W, b)
    weights = torch.linspace(-1, 2, expected.numel(), dtype=a.dtype).view(expected.shape)
    gradients = torch.autograd.grad(expected, flat, weights)
    for function in DIRECTIONS[direction]:
        found = function(*flat)
        torch.testing.assert_close(found, expected)
        got = torch.autograd.grad(found, flat, weights)
        torch.testing.assert_close(got, gradients)
    # of the hand-written one, the last
    found = DIRECTIONS[direction][0](*flat)
    (da,) = torch.autograd.grad(found, flat[:1], weights)
    for array in (found, da):
        outer, inner, last = array.stride()
        assert (outer, last) == (array.shape[1] * inner, 1)
        # rows of time are padded, rows of features are not
        in_time = (array is found) == (direction == "inward")
        assert inner == (PADDED[sizes[1]] if in_time else array.shape[2])


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_numeric_derivatives_agree_twice(direction: str) -> None:
    flat = arguments((2, 3, 2, 3), direction)
    assert torch.autograd.gradcheck(DIRECTIONS[direction][0], flat)
    assert torch.autograd.gradgradcheck(DIRECTIONS[direction][0], flat)
