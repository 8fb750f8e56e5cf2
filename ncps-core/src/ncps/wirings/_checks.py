"""Checks of the arguments that describe a wiring; each error says what to change."""

from __future__ import annotations

import operator
import secrets
from collections.abc import Iterable, Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ncps.errors import WiringError

Matrix = NDArray[np.int32]


def count(name: str, value: SupportsIndex, minimum: int = 1) -> int:
    """``value`` as an int of at least ``minimum``."""
    try:
        number = operator.index(value)
    except TypeError:
        number = minimum - 1
    if isinstance(value, bool) or number < minimum:
        raise WiringError(
            f"{name}: expected a whole number of at least {minimum}, got {value!r}. "
            f"Pass {name} as an int."
        )
    return number


def seed(name: str, value: SupportsIndex | None) -> int:
    """``value`` as a seed below 2**32; None becomes a fresh one, so that it can be written down."""
    if value is None:
        return secrets.randbits(32)
    number = count(name, value, minimum=0)
    if number >= 2**32:
        raise WiringError(f"{name}: expected a seed below 2**32, got {number}. Use a smaller one.")
    return number


def polarity(value: Any) -> int:
    """``value`` as -1 or +1."""
    if value not in (-1, 1):
        raise WiringError(
            f"polarity: expected -1 (inhibitory) or +1 (excitatory), got {value!r}. "
            "The sign is all that a wiring holds; weights belong to the layer."
        )
    return int(value)


def neuron(name: str, value: SupportsIndex, size: int) -> int:
    """``value`` as the index of one of ``size`` neurons."""
    number = count(name, value, minimum=0)
    if number >= size:
        raise WiringError(
            f"{name}: expected an index from 0 to {size - 1}, got {number}. "
            "Make the wiring larger, or correct the index."
        )
    return number


def polarities(name: str, value: ArrayLike, shape: tuple[int, int] | None = None) -> Matrix:
    """A new int32 matrix of -1, 0 and +1, of the given shape (else square)."""
    array = np.array(value)
    if array.ndim != 2 or array.shape != (shape or (len(array), len(array))):
        wanted = f"shape {shape}" if shape else "a square matrix"
        raise WiringError(
            f"{name}: expected {wanted}, got shape {array.shape}. "
            "Rows are the sources of synapses, columns their targets."
        )
    wrong = np.argwhere(~np.isin(array, (-1, 0, 1)))
    if len(wrong):
        row, column = (int(index) for index in wrong[0])
        raise WiringError(
            f"{name}: expected -1, 0 or +1 everywhere, got {array[row, column]!s} at "
            f"({row}, {column}). Pass numpy.sign(matrix) to keep the signs alone."
        )
    return array.astype(np.int32)


def layering(layers: Iterable[Iterable[SupportsIndex]], units: int) -> tuple[tuple[int, ...], ...]:
    """``layers`` as tuples that hold every neuron exactly once."""
    checked = tuple(tuple(operator.index(i) for i in layer) for layer in layers)
    found = sorted(i for layer in checked for i in layer)
    if found != list(range(units)) or not all(checked):
        missing = sorted(set(range(units)) - set(found))
        repeated = sorted({i for i in found if found.count(i) > 1})
        foreign = sorted(set(found) - set(range(units)))
        raise WiringError(
            f"layers: expected each neuron from 0 to {units - 1} in exactly one layer and no empty "
            f"layer, got {len(checked)} layers (missing {missing}, repeated {repeated}, unknown "
            f"{foreign}). List every neuron once."
        )
    return checked


def neuron_types(types: Sequence[str], units: int) -> tuple[str, ...]:
    """``types`` as one name for each neuron."""
    checked = tuple(types)
    if isinstance(types, str) or len(checked) != units:
        raise WiringError(
            f"neuron_types: expected {units} names, one for each neuron, got {types!r}. "
            "Common names are 'inter', 'command' and 'motor'."
        )
    return checked
