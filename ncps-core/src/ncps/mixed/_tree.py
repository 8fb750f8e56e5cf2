"""Arguments and results as a flat list of arrays, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class _Slot:
    """The place of an array in a pattern."""

    index: int


def flatten(value: Any, is_array: Callable[[Any], bool]) -> tuple[list[Any], Any]:
    """The arrays in tuples, lists and dicts, and the pattern that `rebuild` puts them into.

    What is neither stays in the pattern: None, numbers, NumPy arrays.
    """
    arrays: list[Any] = []

    def walk(part: Any) -> Any:
        if is_array(part):
            arrays.append(part)
            return _Slot(len(arrays) - 1)
        if type(part) in (tuple, list):
            return type(part)(walk(item) for item in part)
        if type(part) is dict:
            return {key: walk(item) for key, item in part.items()}
        return part

    return arrays, walk(value)


def rebuild(pattern: Any, arrays: Sequence[Any]) -> Any:
    """The value of this pattern with these arrays in their places."""
    if isinstance(pattern, _Slot):
        return arrays[pattern.index]
    if type(pattern) in (tuple, list):
        return type(pattern)(rebuild(item, arrays) for item in pattern)
    if type(pattern) is dict:
        return {key: rebuild(item, arrays) for key, item in pattern.items()}
    return pattern
