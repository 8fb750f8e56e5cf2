"""The numbers behind positions in attention: rotary frequencies and ALiBi slopes."""

from __future__ import annotations

import math


def rotary_frequencies(size: int, base: float = 10_000.0) -> tuple[float, ...]:
    """Angle per position of each pair of `size` features, from fast to slow: base^(-2i/d).

    Source: Su et al. 2021, arXiv:2104.09864, eq. 15.
    """
    pairs = size // 2
    return tuple(base ** (-i / pairs) for i in range(pairs))


def alibi_slopes(heads: int) -> tuple[float, ...]:
    """m_h of each head: 2^(-8h/n), h = 1 … n, for a power of two.

    Other numbers of heads take the slopes of the power of two below, then every other one of the
    power above, as in the paper's code.

    Source: Press et al. 2021, arXiv:2108.12409, section 3.
    """
    below = 2 ** int(math.log2(heads))
    return (*_geometric(below), *_geometric(2 * below)[::2][: heads - below])


def _geometric(heads: int) -> tuple[float, ...]:
    return tuple(2.0 ** (-8.0 * h / heads) for h in range(1, heads + 1))
