"""The short causal convolution on torch, in one piece and in several."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

from ncps_hyena.torch.kernels import next_tail, short_plain
from ncps_hyena.torch.kernels._short import short_backward, short_into

# rows, features, steps, taps
SIZES = [(1, 1, 1, 1), (2, 3, 1, 4), (3, 33, 31, 3), (2, 2, 33, 8), (1, 5, 65, 2), (2, 3, 3, 4)]


def arguments(sizes: tuple[int, int, int, int]) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    B, C, L, K = sizes
    shapes = [(B, C, L), (C, K), (C,)]
    z, w, b = (torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes)
    return z.requires_grad_(), w.requires_grad_(), b.requires_grad_()


def of_torch(z: Tensor, w: Tensor, b: Tensor) -> Tensor:
    features, taps = w.shape
    return conv1d(pad(z, (taps - 1, 0)), w[:, None], b, groups=features)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_short_convolution_and_its_backward_are_torchs_own(
    sizes: tuple[int, int, int, int],
) -> None:
    z, w, b = arguments(sizes)
    expected = of_torch(z, w, b)
    delta = torch.linspace(-1, 2, expected.numel(), dtype=z.dtype).view_as(expected)
    gradients = torch.autograd.grad(expected, (z, w, b), delta)
    with torch.no_grad():
        torch.testing.assert_close(short_plain(z, w, b), expected)
        torch.testing.assert_close(short_into(z, w, b, torch.empty_like(z)), expected)
        dz = torch.full_like(z, torch.nan)
        dw, db = short_backward(z, w, delta, dz)
        torch.testing.assert_close((dz, dw, db), gradients)


@pytest.mark.parametrize("taps", [1, 2, 4, 9])
def test_pieces_with_a_tail_give_the_whole(taps: int) -> None:
    z, w, b = arguments((2, 3, 33, taps))
    pieces, tail = [], None
    for piece in z.split([1, 1, 5, 1, 20, 2, 3], dim=-1):
        pieces.append(short_plain(piece, w, b, tail))
        before = None if tail is None else tail.clone()
        new = next_tail(piece, taps, tail)
        assert new.shape == (2, 3, taps - 1)
        if tail is not None:
            torch.testing.assert_close(tail, before, rtol=0, atol=0)
        tail = new
    torch.testing.assert_close(torch.cat(pieces, dim=-1), of_torch(z, w, b))
