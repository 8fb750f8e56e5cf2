"""How long the transforms of a convolution are.

Two sequences of L entries have a product of 2L - 1. A cyclic product of n ≥ 2L - 1 entries holds
it as it is; with n = 2L - 1 - e its last e entries fall onto the first e, which then have to be
computed apart. Transforms are fast where n has no prime factor above 5, and on a CPU's wide
registers where n is a multiple of 16. A length just above a power of two, as HyenaDNA has, takes
the transform of that power and a few entries apart: the next size would cost a fifth more.
"""

from __future__ import annotations

from typing import NamedTuple

# entries that may be computed apart, and from which length on that pays
APART = 16
LONG = 256


class Transform(NamedTuple):
    """Length n of the transforms, and how many entries e are to be computed apart."""

    n: int
    apart: int


def transform(length: int, two_sided: bool = False) -> Transform:
    """What the first `length` entries of a product of two sequences that long take.

    In a two-sided product both ends hold what matters: no entry is computed apart.
    """
    whole = 2 * length - 1
    least = whole if two_sided or length < LONG else whole - APART
    n = 16 * smooth(-(-least // 16))
    return Transform(n, max(0, whole - n))


def smooth(least: int) -> int:
    """The smallest number from `least` on with no prime factor above 5."""
    best = 1 << (least - 1).bit_length()
    fives = 1
    while fives < best:
        odd = fives
        while odd < best:
            twos = 1 << (-(-least // odd) - 1).bit_length()
            best = min(best, odd * twos)
            odd *= 3
        fives *= 5
    return best
