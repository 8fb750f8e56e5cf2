"""The part of a state that is the output."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops


def pick(h: Any, places: tuple[int, ...]) -> Any:
    """h (…, H) at these places, as a slice where they are consecutive."""
    first, last = places[0], places[-1] + 1
    if places != tuple(range(first, last)):
        return ops.take(h, np.array(places, dtype="int32"), axis=-1)
    return h if last - first == h.shape[-1] else h[..., first:last]
