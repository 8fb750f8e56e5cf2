"""A CSV file as text cells, with the row that each came from; every fault is one clear line."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from ncps.errors import DataError

from ._times import parse_number

_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Table:
    """Header and rows of a CSV: (row number in the file, cells), blank lines left out."""

    source: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def column(self, name: str) -> int:
        """Where the column stands; DataError with the columns there are when it does not."""
        if name not in self.header:
            there = ", ".join(repr(other) for other in self.header)
            raise DataError(f"{self.source}: there is no column {name!r}; row 1 names {there}")
        return self.header.index(name)

    def fault(self, row: int, column: int, what: str) -> DataError:
        """The error for one cell, naming its row and column."""
        return DataError(f"{self.source}: row {row}, column {self.header[column]!r}: {what}")


def read_table(path: Path) -> Table:
    """Read a UTF-8 CSV with a header row, separated by comma, semicolon or tab.

    Raises: DataError when the file cannot be read, is binary, empty, ragged, or has no header.
    """
    source = str(path)
    text = _text(path)
    if not text.strip():
        raise DataError(
            f"{source}: the file is empty; row 1 must name the columns, one row per observation"
        )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    start = 1  # a quoted cell may span lines: the row where its record starts is the one to name
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) or len(cells) > 1:
                rows.append((start, tuple(cell.strip() for cell in cells)))
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{source}: row {start}: not CSV: {error}") from None
    (first, header), *data = rows
    _check_header(source, first, header)
    for number, row in data:
        if len(row) != len(header):
            raise DataError(
                f"{source}: row {number}: expected {len(header)} cells, as in the header, "
                f"got {len(row)}"
            )
    if not data:
        raise DataError(f"{source}: there are no rows below the header")
    return Table(source, header, tuple(data))


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read: {error.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}: row {row}: byte 0x{raw[error.start]:02x} is not UTF-8 text; "
            "save the file as CSV in UTF-8"
        ) from None
    if "\0" in text:
        row = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{path}: row {row}: a zero byte; this is a binary file, not a CSV")
    return text


def _delimiter(text: str) -> str:
    header = text.lstrip().splitlines()[0]
    return max(_DELIMITERS, key=header.count)


def _check_header(source: str, number: int, header: tuple[str, ...]) -> None:
    if len(header) < 2:
        raise DataError(
            f"{source}: row {number} names one column, {header[0]!r}; "
            "a series needs a time and a value, separated by comma, semicolon or tab"
        )
    for position, name in enumerate(header):
        if not name:
            raise DataError(f"{source}: row {number}: column {position + 1} has no name")
        if name in header[:position]:
            raise DataError(f"{source}: row {number}: two columns are called {name!r}")
    if any(_is_number(name) for name in header):
        raise DataError(
            f"{source}: row {number} holds numbers; it must name the columns, such as time,value"
        )


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except ValueError:
        return False
    return True
