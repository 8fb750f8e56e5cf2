"""Times of a series: plain numbers, or ISO 8601 dates held as seconds since 1970-01-01."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import numpy as np

from ncps.errors import ConfigError

Kind = Literal["number", "date", "datetime"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_COMPACT_DATE = re.compile(r"(1\d|20)\d{6}")
_MONTH = re.compile(r"\d{4}-\d{2}")
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)")
_SECONDS = {"y": 365.25 * 86400.0, "w": 604800.0, "d": 86400.0, "h": 3600.0, "min": 60.0, "s": 1.0}
_LONGEST = 1e100
_EPOCH = datetime(1970, 1, 1)


def parse_number(text: str) -> float:
    """A finite decimal number; ValueError says in a few words what is wrong with any other text."""
    if _NUMBER.fullmatch(text):
        value = float(text)
        if math.isfinite(value):
            return value
        raise ValueError(f"{text!r} is too large for a number")
    if text.casefold().lstrip("+-") in {"nan", "inf", "infinity"}:
        raise ValueError(
            f"{text!r} is not a finite number; leave the cell empty where none was measured"
        )
    if _NUMBER.fullmatch(text.replace(",", ".", 1)):
        raise ValueError(f"{text!r} is not a number; write the decimal sign as a point")
    raise ValueError(f"{text!r} is not a number")


@dataclass(frozen=True)
class Clock:
    """How the time column is written: reads one cell into a float and writes it back.

    ``kind`` "number" keeps the numbers; "date" and "datetime" count seconds since 1970-01-01, in
    UTC when ``utc`` (every cell then has an offset), else in the file's own unnamed zone.
    """

    kind: Kind
    utc: bool = False

    @classmethod
    def of(cls, cells: Sequence[str]) -> Clock:
        """The clock that the first cell asks for; 19580329 is a date if all cells are."""
        first = cells[0]
        if _NUMBER.fullmatch(first) and not all(_is_compact_date(cell) for cell in cells):
            return cls("number")
        if any(len(cell) > 10 for cell in cells):
            return cls("datetime", utc=_datetime(first).tzinfo is not None)
        _datetime(first)
        return cls("date")

    def parse(self, text: str) -> float:
        """Seconds since 1970-01-01, or the number itself; ValueError says what is wrong."""
        if self.kind == "number":
            return parse_number(text)
        moment = _datetime(text)
        if (moment.tzinfo is not None) != self.utc:
            here, there = ("no", "one") if self.utc else ("a", "none")
            raise ValueError(f"{text!r} has {here} UTC offset, but the first row has {there}")
        if self.utc:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        return (moment - _EPOCH) / timedelta(seconds=1)

    def format(self, value: float) -> str:
        """The time as it would stand in a CSV."""
        if self.kind == "number":
            return repr(int(value)) if float(value).is_integer() else repr(float(value))
        try:
            moment = _EPOCH + timedelta(seconds=float(value))
        except OverflowError:  # past the year 9999, where datetime ends
            return str(np.datetime64(round(value), "s"))
        if self.kind == "date" and moment.time() == datetime.min.time():
            return moment.date().isoformat()
        return moment.isoformat() + ("+00:00" if self.utc else "")

    def duration(self, option: str, text: str) -> float:
        """A positive length of time: 4w, 30d, 6h, 90min, 10s, 1y for dates, else a number."""
        match = _DURATION.fullmatch(text.strip().casefold())
        value = float(match[1]) if match else 0.0
        if match is None or not 0 < value < _LONGEST:
            raise ConfigError(
                f"{option} {reprlib.repr(text)} is not a positive length of time "
                f"such as {self._example}"
            )
        if self.kind == "number":
            if match[2]:
                raise ConfigError(
                    f"{option} {text!r} has a unit, but the series' times are plain numbers; "
                    f"give a number in their unit, such as {match[1]}"
                )
            return value
        if match[2] not in _SECONDS:
            raise ConfigError(
                f"{option} {text!r} needs a unit, for the series' times are dates; "
                f"use one of {', '.join(_SECONDS)}, such as {match[1]}w"
            )
        return value * _SECONDS[match[2]]

    def describe(self, duration: float) -> str:
        """A length of time in its largest fitting unit: 4w, 30d; the number itself for numbers."""
        if self.kind == "number":
            return f"{duration:.6g}"
        for unit in ("w", "d", "h", "min"):
            if duration >= _SECONDS[unit] and (duration / _SECONDS[unit]).is_integer():
                return f"{duration / _SECONDS[unit]:g}{unit}"
        unit = next((u for u in ("d", "h", "min") if duration >= _SECONDS[u]), "s")
        return f"{duration / _SECONDS[unit]:.4g}{unit}"

    @property
    def _example(self) -> str:
        return "4" if self.kind == "number" else "4w or 30d"


def _is_compact_date(text: str) -> bool:
    if not _COMPACT_DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _datetime(text: str) -> datetime:
    """The moment that an ISO 8601 date, date and time, or year and month names."""
    try:
        return datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a number nor an ISO 8601 date, "
            "such as 2001-12-29 or 2001-12-29T06:00"
        ) from None
