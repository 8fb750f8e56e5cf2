"""Values of a JSON file as the types that a dataclass declares, each fault naming its key."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    NoneType: "null",
}


def typed(kind: type[T], values: object, key: str) -> T:
    """An instance of the dataclass; ValueError for an unknown, missing or ill-typed key."""
    given, hints = section(values, key), get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise ValueError(f"{key}.{name} is unknown")
    for name, field in known.items():
        if name not in given and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{key}.{name} is missing")
    return kind(**{name: value_of(given[name], hints[name], f"{key}.{name}") for name in given})


def section(values: object, key: str) -> Mapping[str, Any]:
    """A JSON object; ValueError for anything else."""
    if not isinstance(values, Mapping):
        raise ValueError(f"{key} is {values!r}, expected an object")
    return values


def value_of(value: Any, hint: Any, key: str) -> Any:
    """The value, its lists made tuples; ValueError when it is not what the hint says."""
    if isinstance(hint, UnionType):
        for option in get_args(hint):
            if _fits(value, option):
                return value
    elif get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{key} is {value!r}, expected a list")
        inner = get_args(hint)
        hints = (inner[0],) * len(value) if inner[-1] is ... else inner
        if len(hints) == len(value):
            pairs = enumerate(zip(value, hints, strict=True))
            return tuple(value_of(v, h, f"{key}[{k}]") for k, (v, h) in pairs)
    elif _fits(value, hint):
        return value
    raise ValueError(f"{key} is {value!r}, expected {_name(hint)}")


def _fits(value: Any, hint: Any) -> bool:
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and _finite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, get_origin(hint) or hint)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False


def _name(hint: Any) -> str:
    if isinstance(hint, UnionType):
        return " or ".join(_name(option) for option in get_args(hint))
    return _NAMES.get(hint, "an object" if get_origin(hint) is Mapping else "a list")
