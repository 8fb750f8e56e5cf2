"""A filter and what its convolutions need of it, each made once.

Shapes: k (D, S), its first S lags; the later steps' r (D, S), lags 0, -1, …; s (D,); a spectrum as
in `_fft.py`.

All of it is lazy: a filter costs what the lags cost that are asked for. What is made inside a
transform (grad, vmap, compile) must not outlive it: a filter that may is made with `kept`, which
says whether something made now may be kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx

from ncps_hyena.mlx.kernels._fft import spectrum

# of other sizes than those of windows, which are few: full passes may be of any length
RECENT = 2


class Filter:
    """The filter whose first S lags are `make(S)` (D, S), S ≤ `longest`; `later` makes r."""

    def __init__(
        self,
        make: Callable[[int], mx.array],
        longest: int,
        later: Callable[[int], mx.array] | None = None,
        kept: Callable[[], bool] = lambda: True,
    ) -> None:
        self.longest = longest
        self._make = make
        self._later = later
        self._kept = kept
        self._lags: mx.array | None = None
        self._reversed: dict[Any, mx.array] = {}
        self._windows: dict[Any, mx.array] = {}
        self._recent: dict[Any, mx.array] = {}

    def lags(self, count: int) -> mx.array:
        """The first `count` lags (D, count), or all there are."""
        count = min(count, self.longest)
        if self._lags is not None and self._lags.shape[-1] >= count:
            return self._lags[..., :count]
        made = self._make(count).astype(mx.float32)
        if self._kept():
            self._lags = made
        return made

    def reversed(self, count: int) -> mx.array:
        """The first `count` lags, or all there are, the last of them first."""
        return self._once(self._reversed, count, lambda: mx.contiguous(self.lags(count)[..., ::-1]))

    def spectrum(self, count: int, n: int) -> mx.array:
        """The transform of size n of the first `count` lags; the last `RECENT` are kept."""
        key = (count, n, mx.default_device().type)
        found = self._once(self._recent, key, lambda: spectrum(self._cyclic(count, n), n))
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]
        return found

    def window(self, n: int) -> mx.array:
        """The transform of size n of the first n lags; all are kept."""
        key = (n, mx.default_device().type)
        return self._once(self._windows, key, lambda: spectrum(self.lags(n), n))

    def _cyclic(self, count: int, n: int) -> mx.array:
        k = self.lags(count)
        return k if self._later is None else both_ways(k, self._later(count), n)

    def _once(self, known: dict[Any, mx.array], key: Any, make: Callable[[], mx.array]) -> mx.array:
        found = known.pop(key) if key in known else None
        if found is None:
            found = make()
            if not self._kept():
                return found
        # what was used last comes last
        known[key] = found
        return found


def with_skip(h: mx.array, s: mx.array) -> mx.array:
    """h (D, S) with s added to its first lag, in float32."""
    h, s = h.astype(mx.float32), s.astype(mx.float32)
    return mx.concatenate([h[..., :1] + s[..., None], h[..., 1:]], axis=-1)


def both_ways(h: mx.array, r: mx.array, n: int) -> mx.array:
    """The filter (D, n), cyclic in n, of h at the lags 0, 1, … and r at -1, -2, …."""
    later = r[..., :0:-1]
    gap = n - h.shape[-1] - later.shape[-1]
    return mx.concatenate([h, mx.zeros((*h.shape[:-1], gap), h.dtype), later], axis=-1)
