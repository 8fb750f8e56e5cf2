"""A value made from parameters, kept for as long as they stay what they are.

MLX replaces parameters (optimisers, load_weights, apply, set_dtype), and changes the array behind
one in place (``layer.weight[0] = 1.0``, ``layer.weight += 1.0``). Memory itself is never written
twice. So the same Python objects at the same addresses are the same numbers, provided that the
memory is not freed in between: hence the copies, which share it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import mlx.core as mx
import numpy as np

T = TypeVar("T")


class Remembered(Generic[T]):
    """The last value and the parameters that it was made from.

    `in_transform` says whether an MLX transformation is tracing: nothing made in one is kept.
    """

    def __init__(self, in_transform: Callable[[], bool]) -> None:
        self._in_transform = in_transform
        self.forget()

    def forget(self) -> None:
        """Keep nothing."""
        self._made_from: list[tuple[mx.array, int, mx.array]] = []
        self._value: T | None = None

    def known(self, parameters: Sequence[mx.array]) -> T | None:
        """The value for these parameters if it is kept."""
        return self._value if self._value is not None and self._same(parameters) else None

    def __call__(self, parameters: Sequence[mx.array], make: Callable[[], T]) -> T:
        """The value that `make` gives for these parameters."""
        found = self.known(parameters)
        if found is not None:
            return found
        if self._in_transform():
            return make()
        self.forget()
        self._value = make()
        self._made_from = [(a, _address(a), copy.copy(a)) for a in parameters]
        return self._value

    def __deepcopy__(self, memo: Any) -> Remembered[T]:
        """Another one, empty: the parameters of the copy are others."""
        return Remembered(self._in_transform)

    def __reduce__(self) -> tuple[Any, ...]:
        """Values are not pickled."""
        return Remembered, (self._in_transform,)

    def _same(self, parameters: Sequence[mx.array]) -> bool:
        known = self._made_from
        if len(known) != len(parameters):
            return False
        if any(a is not b for a, (b, _, _) in zip(parameters, known, strict=True)):
            return False
        try:
            return all(_address(a) == address for a, address, _ in known)
        except (RuntimeError, ValueError):
            # what stands behind a parameter was replaced by a value that a transform traces
            return False


def _address(a: mx.array) -> int:
    """Where the numbers of an array lie; computes them if need be."""
    if a.dtype == mx.bfloat16:
        a = a.view(mx.uint16)
    address: int = np.array(a, copy=False).__array_interface__["data"][0]
    return address
