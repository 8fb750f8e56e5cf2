"""Long convolutions on torch: their transforms' lengths, and the sums that they stand for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ncps_hyena.torch.kernels import long_plain
from ncps_hyena.torch.kernels._sizes import APART, smooth, transform

# 258 and 514 are a little above a power of two: the last few entries fall onto the first
LENGTHS = [1, 2, 31, 32, 33, 65, 256, 258, 300, 514]


def drawn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def summed(u: Tensor, h: Tensor, s: Tensor, r: Tensor | None) -> Tensor:
    """The convolution, lag by lag."""
    steps = u.shape[-1]
    v = s[:, None] * u
    for j in range(steps):
        v[..., j:] += h[:, j : j + 1] * u[..., : steps - j]
        if r is not None and j:
            v[..., : steps - j] += r[:, j : j + 1] * u[..., j:]
    return v


@pytest.mark.parametrize("steps", LENGTHS)
@pytest.mark.parametrize("two_sided", [False, True])
def test_long_convolution_is_the_sum_over_all_steps(steps: int, two_sided: bool) -> None:
    u, h, s = drawn(2, 3, steps), drawn(3, steps), drawn(3)
    r = drawn(3, steps, seed=1) if two_sided else None
    torch.testing.assert_close(long_plain(u, h, s, r), summed(u, h, s, r))


def test_smooth_numbers_are_the_smallest() -> None:
    def is_smooth(n: int) -> bool:
        for p in (2, 3, 5):
            while n % p == 0:
                n //= p
        return n == 1

    for least in range(1, 3000):
        expected = next(n for n in range(least, 2 * least + 1) if is_smooth(n))
        assert smooth(least) == expected


@pytest.mark.parametrize("power", [9, 10, 13, 16, 20])
def test_lengths_above_a_power_of_two_take_its_transform(power: int) -> None:
    length = 2**power
    assert transform(length) == (2 * length, 0)
    assert transform(length + 2) == (2 * length, 3)
    assert transform(length + APART).n > 2 * length
    # both ends of a two-sided product matter
    assert transform(length + 2, two_sided=True).apart == 0


def test_transforms_hold_the_product_but_for_what_is_computed_apart() -> None:
    for length in range(1, 3000):
        n, apart = transform(length)
        assert n % 16 == 0
        assert n + apart >= 2 * length - 1
        assert apart <= min(APART, length)
