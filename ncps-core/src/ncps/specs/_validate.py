"""Checks of single options, shared by the specs."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

from ncps.errors import SpecError, unknown

ACTIVATIONS = ("gelu", "lecun_tanh", "linear", "relu", "sigmoid", "silu", "tanh")


def integer(layer: str, option: str, value: object, minimum: int = 1) -> int:
    """`value` as an int of at least `minimum`, else a SpecError."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < minimum:
        raise SpecError(
            f"{layer} expected {option} to be an integer >= {minimum}, got {value!r}. "
            f"Pass {option}={minimum} or more."
        )
    return number


def fraction(layer: str, option: str, value: object) -> float:
    """`value` as a float in [0, 1), else a SpecError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < 1.0:
        raise SpecError(
            f"{layer} expected {option} in [0, 1), got {value!r}. Pass 0.0 to switch it off."
        )
    return float(value)


def at_least_zero(layer: str, option: str, value: object) -> float:
    """`value` as a finite float >= 0, else a SpecError."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0.0 <= float(value) < math.inf:  # type: ignore[arg-type]
        raise SpecError(f"{layer} expected {option} to be a number >= 0, got {value!r}.")
    return float(value)  # type: ignore[arg-type]


def above_zero(layer: str, option: str, value: object) -> float:
    """`value` as a finite float > 0, else a SpecError."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0.0 < float(value) < math.inf:  # type: ignore[arg-type]
        raise SpecError(f"{layer} expected {option} to be a number > 0, got {value!r}.")
    return float(value)  # type: ignore[arg-type]


def flag(layer: str, option: str, value: object) -> bool:
    """`value` if it is True or False, else a SpecError."""
    if not isinstance(value, bool):
        raise SpecError(f"{layer} expected {option} to be True or False, got {value!r}.")
    return value


def choice(layer: str, option: str, value: object, allowed: Sequence[str]) -> str:
    """`value` if it is one of `allowed`, else an error with the nearest match."""
    if value not in allowed:
        raise unknown(f"{layer} {option}", value, allowed)
    return str(value)
