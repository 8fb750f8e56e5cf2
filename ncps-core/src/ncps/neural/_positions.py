"""Positions in a sequence: rotations of queries and keys, and biases of their scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from ncps.errors import ShapeError
from ncps.neural._base import Arrays
from ncps.specs.positions import alibi_slopes, rotary_frequencies


class Positions(Arrays):
    """RoPE and ALiBi."""

    def rope(self, x: Any, offset: int = 0, base: float = 10_000.0) -> Any:
        r"""Turn the pairs of features (i, i + d/2) of x (…, T, d) by position times frequency.

        .. math::
            \theta_{ti} = (t + \text{offset})\,\text{base}^{-2i/d}

        This is the layout of "halves"; the paper pairs neighbours, which is the same up to the
        order of the features. Angles are computed in float64, the rotation in float32 or better.

        Raises: ShapeError when d is odd.
        Source: Su et al. 2021, arXiv:2104.09864, eq. 34.
        """
        self._check_pairs(x)
        half = x.shape[-1] // 2
        turns = np.outer(
            np.arange(offset, offset + x.shape[-2]), rotary_frequencies(2 * half, base)
        )
        wide = self._wide(x)
        cos, sin = (self._as(f(turns), wide) for f in (np.cos, np.sin))
        first, second = wide[..., :half], wide[..., half:]
        turned = (first * cos - second * sin, first * sin + second * cos)
        return self.cast(self.xp.concatenate(turned, axis=-1), self.dtype(x))

    def alibi(
        self,
        heads: int,
        queries: int,
        keys: int | None = None,
        dtype: str = "float32",
        device: Any = None,
    ) -> Any:
        r"""The biases -m_h |i - j| (H, T, S) of attention scores, with the paper's slopes m_h.

        `keys` defaults to `queries`; when there are more keys, as with a cache, the last query
        stands at the last key.

        Raises: ShapeError when there are fewer keys than queries.
        Source: Press et al. 2021, arXiv:2108.12409, section 3.
        """
        keys = queries if keys is None else keys
        if heads < 1 or keys < queries:
            raise ShapeError(
                f"alibi expected at least one head and at least as many keys as queries, got "
                f"{heads} heads, {queries} queries and {keys} keys."
            )
        at = np.arange(keys - queries, keys)
        apart = np.abs(at[:, None] - np.arange(keys))
        return self.array(-np.array(alibi_slopes(heads))[:, None, None] * apart, dtype, device)

    def _check_pairs(self, x: Any) -> None:
        if len(x.shape) < 2 or x.shape[-1] % 2:
            raise ShapeError(
                f"rope expected x (…, T, d) with an even d, got {tuple(x.shape)}. Pairs of "
                "features are turned."
            )

    def _as(self, values: Any, like: Any) -> Any:
        """NumPy values as an array of the dtype of another, and where that one is."""
        return self.array(values, self.dtype(like))
