"""A series: observation times, the values to forecast, and further features, as read from a CSV."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ncps.errors import ConfigError, DataError

from ._table import Table, read_table
from ._times import Clock, parse_number

Floats = npt.NDArray[np.float64]

_BUNDLED = {"co2": "ppm"}
_TIME_NAMES = ("time", "date", "datetime", "timestamp")


@dataclass(frozen=True, eq=False)
class Series:
    """Irregular observations, oldest first: time (N,), values (N,), features (N, F), all float64.

    Times are strictly increasing, in the clock's unit (seconds for dates). ``skipped`` counts the
    rows of the file that had an empty value or feature; they are gaps, nothing is filled in.
    ``fingerprint`` is equal for the same observations wherever they lie, and survives ``drop``.
    """

    name: str
    source: str
    clock: Clock
    time: Floats
    values: Floats
    features: Floats
    columns: tuple[str, ...]
    unit: str
    skipped: int = 0
    dropped: int = 0
    fingerprint: str = ""

    def __post_init__(self) -> None:
        if not self.fingerprint:
            object.__setattr__(self, "fingerprint", self._digest())

    def __len__(self) -> int:
        return len(self.time)

    @property
    def gap(self) -> float:
        """The median time between neighbouring observations."""
        return float(np.median(np.diff(self.time)))

    def drop(self, fraction: float, seed: int) -> Series:
        """This series without ``fraction`` of its observations, chosen at random by ``seed``."""
        if not 0 <= fraction < 1:
            raise ConfigError(
                f"drop {fraction:g} is not a fraction; expected at least 0 and below 1"
            )
        lost = round(len(self) * fraction)
        kept = np.sort(np.random.default_rng(seed).permutation(len(self))[lost:])
        return replace(
            self,
            time=self.time[kept],
            values=self.values[kept],
            features=self.features[kept],
            dropped=self.dropped + lost,
        )

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for array in (self.time, self.values, self.features):
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()


def load_series(
    source: str | Path,
    *,
    time: str | None = None,
    value: str | None = None,
    features: Sequence[str] = (),
    unit: str | None = None,
) -> Series:
    """Read a series from a CSV, or the bundled one called "co2".

    Args:
        source: a path, or "co2": weekly CO2 at Mauna Loa, 1958 to 2001, in ppm, gaps left in.
        time: the time column; by default one called time, date, datetime or timestamp, else the
            first.
        value: the column to forecast; by default the last one that holds numbers.
        features: further numeric columns that the model may see.
        unit: the unit of the values; by default what stands in brackets in the column's name.

    An empty value or feature is a gap: the row is skipped and counted. "nan" is an error.
    Raises: DataError, naming row and column, when the file is not a usable series.
    """
    if str(source) in _BUNDLED:
        with as_file(files(__package__) / "data" / f"{source}.csv") as path:
            table = read_table(path)
        unit = unit or _BUNDLED[str(source)]
    else:
        table = read_table(Path(source))
    return _series(table, str(source), time, value, tuple(features), unit)


def _series(
    table: Table,
    source: str,
    time: str | None,
    value: str | None,
    features: tuple[str, ...],
    unit: str | None,
) -> Series:
    at = table.column(time) if time is not None else _time_column(table)
    clock, moments = _times(table, at)
    target = table.column(value) if value is not None else _value_column(table, at)
    if target == at:
        raise DataError(
            f"{table.source}: column {table.header[at]!r} cannot be both time and value"
        )
    chosen = (target, *(table.column(feature) for feature in features))
    numbers = np.stack([_numbers(table, column) for column in chosen], axis=1)
    whole = ~np.isnan(numbers).any(axis=1)
    if whole.sum() < 2:
        only = (
            f"only row {table.rows[int(np.argmax(whole))][0]} has" if whole.any() else "no row has"
        )
        raise DataError(
            f"{table.source}: {only} a value in column {table.header[target]!r}; "
            "a series needs at least two"
        )
    return Series(
        name=Path(source).stem,
        source=source,
        clock=clock,
        time=moments[whole],
        values=numbers[whole, 0],
        features=numbers[whole, 1:],
        columns=(table.header[at], *(table.header[column] for column in chosen)),
        unit=unit or _unit(table.header[target]),
        skipped=int((~whole).sum()),
    )


def _time_column(table: Table) -> int:
    folded = [name.casefold() for name in table.header]
    return next((folded.index(name) for name in _TIME_NAMES if name in folded), 0)


def _value_column(table: Table, time: int) -> int:
    """The last column, other than the time, most of whose filled cells are numbers."""
    others = [column for column in range(len(table.header)) if column != time]
    for column in reversed(others):
        kinds = Counter(_looks_numeric(cells[column]) for _, cells in table.rows if cells[column])
        if kinds[True] >= max(kinds[False], 1):
            return column
    return others[-1]


def _looks_numeric(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _times(table: Table, column: int) -> tuple[Clock, Floats]:
    cells = [cells[column] for _, cells in table.rows]
    moments: list[float] = []
    for (row, _), cell in zip(table.rows, cells, strict=True):
        try:
            if not cell:
                raise ValueError("the time is missing")
            if not moments:
                clock = Clock.of(cells)
            moment = clock.parse(cell)
        except ValueError as error:
            raise table.fault(row, column, str(error)) from None
        if moments and moment <= moments[-1]:
            before = f"row {table.rows[len(moments) - 1][0]} ({cells[len(moments) - 1]})"
            fault = "repeats the time of" if moment == moments[-1] else "is earlier than"
            raise table.fault(row, column, f"{cell} {fault} {before}; times must increase")
        moments.append(moment)
    return clock, np.array(moments)


def _numbers(table: Table, column: int) -> Floats:
    """The column's numbers, NaN where the cell is empty."""
    numbers = np.full(len(table.rows), np.nan)
    for position, (row, cells) in enumerate(table.rows):
        if cells[column]:
            try:
                numbers[position] = parse_number(cells[column])
            except ValueError as error:
                raise table.fault(row, column, str(error)) from None
    return numbers


def _unit(column: str) -> str:
    """What stands in brackets: ppm for a column called "co2 [ppm]" or "co2 (ppm)"."""
    match = re.search(r"[\[(]([^\])]+)[\])]\s*$", column)
    return match[1].strip() if match else ""
