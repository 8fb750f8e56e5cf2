"""Checked access to the values of a manifest; every error names key, expected and got."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ncps.config import is_number
from ncps.errors import PluginError, unknown

NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII), "a name such as 'torch' or 'torch.nn'"
MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*"), "a module such as 'ncps_torch._plugin'"
TARGET = (
    re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*"),
    "a target such as 'ncps_torch.layers:CfC'",
)
Pattern = tuple[re.Pattern[str], str]
ANY = re.compile(r".+", re.DOTALL), "a non-empty text"


def bad(where: str, expected: str, value: object) -> PluginError:
    """The error for a value that is not what was expected."""
    return PluginError(f"{where}: expected {expected}, got {value!r} ({type(value).__name__})")


def unknown_keys(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> list[str]:
    """A note for each key that is not known: a later version of ncps may know it."""
    return [f"{where}{key}: {unknown('key', key, known)}" for key in table if key not in known]


def text(
    table: Mapping[str, Any], key: str, where: str, pattern: Pattern, *, default: str | None
) -> str | None:
    """An optional text."""
    if key not in table:
        return default
    return _checked(table[key], f"{where}{key}", pattern)


def required_text(table: Mapping[str, Any], key: str, where: str, pattern: Pattern) -> str:
    """A text that must be there."""
    if key not in table:
        raise PluginError(f"{where}{key}: expected {pattern[1]}, got nothing")
    return _checked(table[key], f"{where}{key}", pattern)


def texts(
    table: Mapping[str, Any], key: str, where: str, pattern: Pattern = ANY
) -> tuple[str, ...]:
    """A list of texts; none when the key is not there."""
    values = table.get(key, [])
    if not isinstance(values, list):
        raise bad(f"{where}{key}", "a list of texts", values)
    return tuple(_checked(v, f"{where}{key}[{i}]", pattern) for i, v in enumerate(values))


def mapping(
    table: Mapping[str, Any], key: str, where: str, names: Pattern, targets: Pattern
) -> dict[str, str]:
    """A table of texts; empty when the key is not there."""
    values = table.get(key, {})
    if not isinstance(values, dict):
        raise bad(f"{where}{key}", "a table", values)
    return {
        _checked(name, f"{where}{key}", names): _checked(v, f"{where}{key}.{name}", targets)
        for name, v in values.items()
    }


def tables(table: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of tables; none when the key is not there."""
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(v, dict) for v in values):
        raise bad(key, f"tables, each headed [[{key}]]", values)
    return values


def priority(entry: Mapping[str, Any], where: str) -> float | None:
    """The priority for this machine; None when no marker holds and none is the fallback."""
    where = f"{where}priority"
    if "priority" not in entry:
        raise PluginError(f"{where}: expected a number, got nothing")
    value = entry["priority"]
    if not isinstance(value, list):
        return _number(value, where, "a number or a list of {marker, value} tables")
    fallback: float | None = None
    chosen: float | None = None
    for index, item in enumerate(value):
        here = f"{where}[{index}]"
        if not isinstance(item, dict) or not {"value"} <= item.keys() <= {"marker", "value"}:
            raise bad(here, "a table {marker, value} or {value}", item)
        number = _number(item["value"], f"{here}.value", "a number")
        if "marker" not in item:
            fallback = number if fallback is None else fallback
        elif _holds(item["marker"], f"{here}.marker") and chosen is None:
            chosen = number
    return fallback if chosen is None else chosen


def _holds(marker: object, where: str) -> bool:
    from packaging.markers import Marker

    expected = "a PEP 508 marker such as \"sys_platform == 'linux'\""
    if not isinstance(marker, str):
        raise bad(where, expected, marker)
    try:
        return Marker(marker).evaluate()
    except (ValueError, RecursionError) as error:  # no marker, or one that cannot be evaluated
        raise bad(where, expected, marker) from error


def _number(value: object, where: str, expected: str) -> float:
    if not is_number(value):
        raise bad(where, expected, value)
    return value


def _checked(value: object, where: str, pattern: Pattern) -> str:
    if not isinstance(value, str) or not pattern[0].fullmatch(value):
        raise bad(where, pattern[1], value)
    return value
