"""Trees of arrays: modules, dicts and lists that hold arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import mlx.core as mx
from mlx.utils import tree_flatten


def named(tree: Any) -> dict[str, mx.array]:
    """The arrays of a tree under their paths: ``"blocks.0.heads.weight"``."""
    return cast(dict[str, mx.array], tree_flatten(tree, destination={}))


def first_parameter(tree: Any) -> mx.array | None:
    """The first parameter of a module, without the cost of listing them all.

    The integers of a quantised matrix are none; its scales are.
    """
    if isinstance(tree, mx.array):
        return tree if mx.issubdtype(tree.dtype, mx.floating) else None
    if isinstance(tree, Mapping):
        tree = [value for name, value in tree.items() if not name.startswith("_")]
    if isinstance(tree, list):
        found = (first_parameter(value) for value in tree)
        return next((array for array in found if array is not None), None)
    return None
