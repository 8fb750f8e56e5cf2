"""The part of a state that is the output."""

from __future__ import annotations

from torch import Tensor


def pick(h: Tensor, places: tuple[int, ...]) -> Tensor:
    """h (…, H) at these places, as a slice where they are consecutive."""
    first, last = places[0], places[-1] + 1
    if places != tuple(range(first, last)):
        return h[..., list(places)]
    return h if last - first == h.shape[-1] else h[..., first:last]
