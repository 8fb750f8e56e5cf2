"""First values of parameters, made when Keras asks for them: it may do so before or after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from ncps_keras.backends import xp
from ncps_keras.ops._random import draw_seed

Arrays = Mapping[str, npt.NDArray[Any]]


class First:
    """The native arrays that `values` gives for a seed; None draws one.

    While Keras asks for shapes only, it puts variables off and wants placeholders for them: these
    must not draw a seed, which would be a symbol there.
    """

    def __init__(self, seed: int | None, values: Callable[[int], Arrays]) -> None:
        self._seed = seed
        self._values = values

    @cached_property
    def _arrays(self) -> Arrays:
        return self._values(draw_seed() if self._seed is None else self._seed)

    def of(self, name: str) -> Callable[..., Any]:
        """The initializer of one variable."""

        def initializer(shape: tuple[int, ...], dtype: Any = None) -> Any:
            if xp.is_tracing():
                return ops.zeros(shape, dtype=dtype)
            return ops.convert_to_tensor(np.array(self._arrays[name]), dtype=dtype)

        return initializer

    def within(self, prefix: str) -> First:
        """Those of a layer inside this one, whose names have this prefix here."""
        return _Inside(self, prefix)


class _Inside(First):
    def __init__(self, whole: First, prefix: str) -> None:
        self._whole = whole
        self._prefix = prefix

    def of(self, name: str) -> Callable[..., Any]:
        """The initializer of one variable."""
        return self._whole.of(self._prefix + name)
