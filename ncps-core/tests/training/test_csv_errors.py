"""Every bad CSV has one line that names row and column, word for word."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ncps.errors import DataError
from ncps.training import load_series

GOOD = "date,co2\n2001-01-01,1.5\n2001-01-08,2.5\n"

BAD = {
    "text in a number": (
        "date,co2\n2001-01-01,1\n2001-01-08,abc\n",
        "row 3, column 'co2': 'abc' is not a number",
    ),
    "nan": (
        "date,co2\n2001-01-01,1\n2001-01-08,NaN\n",
        "row 3, column 'co2': 'NaN' is not a finite number; "
        "leave the cell empty where none was measured",
    ),
    "inf": (
        "date,co2\n2001-01-01,1\n2001-01-08,-inf\n",
        "row 3, column 'co2': '-inf' is not a finite number; "
        "leave the cell empty where none was measured",
    ),
    "overflow": (
        "date,co2\n2001-01-01,1\n2001-01-08,1e999\n",
        "row 3, column 'co2': '1e999' is too large for a number",
    ),
    "decimal comma": (
        "date;co2\n2001-01-01;1\n2001-01-08;1,5\n",
        "row 3, column 'co2': '1,5' is not a number; write the decimal sign as a point",
    ),
    "python's underscores": (
        "date,co2\n2001-01-01,1\n2001-01-08,1_000\n",
        "row 3, column 'co2': '1_000' is not a number",
    ),
    "unsorted": (
        "date,co2\n2001-01-08,1\n2001-01-01,2\n",
        "row 3, column 'date': 2001-01-01 is earlier than row 2 (2001-01-08); times must increase",
    ),
    "duplicate": (
        "date,co2\n2001-01-01,1\n2001-01-01,2\n",
        "row 3, column 'date': 2001-01-01 repeats the time of row 2 (2001-01-01); "
        "times must increase",
    ),
    "unsorted numbers": (
        "t,v\n1,1\n2,2\n1.5,3\n",
        "row 4, column 't': 1.5 is earlier than row 3 (2); times must increase",
    ),
    "nan time": (
        "t,v\n1,1\nnan,2\n",
        "row 3, column 't': 'nan' is not a finite number; "
        "leave the cell empty where none was measured",
    ),
    "text in a time": (
        "date,co2\n2001-01-01,1\nsoon,2\n",
        "row 3, column 'date': 'soon' is neither a number nor an ISO 8601 date, "
        "such as 2001-12-29 or 2001-12-29T06:00",
    ),
    "impossible date": (
        "date,co2\n2001-02-30,1\n2001-03-08,2\n",
        "row 2, column 'date': '2001-02-30' is neither a number nor an ISO 8601 date, "
        "such as 2001-12-29 or 2001-12-29T06:00",
    ),
    "missing time": (
        "date,co2\n2001-01-01,1\n,2\n",
        "row 3, column 'date': the time is missing",
    ),
    "mixed offsets": (
        "date,co2\n2001-01-01T00:00Z,1\n2001-01-08T00:00,2\n",
        "row 3, column 'date': '2001-01-08T00:00' has no UTC offset, but the first row has one",
    ),
    "an offset out of nowhere": (
        "date,co2\n2001-01-01T00:00,1\n2001-01-08T00:00Z,2\n",
        "row 3, column 'date': '2001-01-08T00:00Z' has a UTC offset, but the first row has none",
    ),
    "one row": (
        "date,co2\n2001-01-01,1\n",
        "only row 2 has a value in column 'co2'; a series needs at least two",
    ),
    "one value": (
        "date,co2\n2001-01-01,\n2001-01-08,1\n2001-01-15,\n",
        "only row 3 has a value in column 'co2'; a series needs at least two",
    ),
    "no value": (
        "date,co2\n2001-01-01,\n2001-01-08,\n",
        "no row has a value in column 'co2'; a series needs at least two",
    ),
    "no rows": ("date,co2\n", "there are no rows below the header"),
    "empty": ("", "the file is empty; row 1 must name the columns, one row per observation"),
    "blank": (" \n\n", "the file is empty; row 1 must name the columns, one row per observation"),
    "no header": (
        "2001-01-01,1\n2001-01-08,2\n",
        "row 1 holds numbers; it must name the columns, such as time,value",
    ),
    "one column": (
        "co2\n1\n2\n",
        "row 1 names one column, 'co2'; "
        "a series needs a time and a value, separated by comma, semicolon or tab",
    ),
    "nameless column": ("date,\n2001-01-01,1\n", "row 1: column 2 has no name"),
    "two of a name": ("date,v,v\n2001-01-01,1,2\n", "row 1: two columns are called 'v'"),
    "short row": (
        "date,co2\n2001-01-01,1\n2001-01-08\n",
        "row 3: expected 2 cells, as in the header, got 1",
    ),
    "long row": (
        "date,co2\n2001-01-01,1,9\n2001-01-08,2\n",
        "row 2: expected 2 cells, as in the header, got 3",
    ),
    "open quote, many rows on": (
        'date,co2\n2001-01-01,1\n2001-01-02,"2\n' + "2001-01-03,3\n" * 9,
        "row 3: not CSV: unexpected end of data",
    ),
    "row below a cell of two lines": (
        'date,note,co2\n2001-01-01,"a\nb",1\n\n2001-01-02,c,x\n2001-01-03,c,2\n2001-01-04,c,3\n',
        "row 5, column 'co2': 'x' is not a number",
    ),
    "open quote": ('date,co2\n2001-01-01,"1\n', "row 2: not CSV: unexpected end of data"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_bad_csv_names_row_and_column(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load_series(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"date,co2\n2001-01-01,\xff\n", "row 2: byte 0xff is not UTF-8 text; "
         "save the file as CSV in UTF-8"),
        (b"a,b\n1,2\n\x00\x00", "row 3: a zero byte; this is a binary file, not a CSV"),
    ],
)  # fmt: skip
def test_binary_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"^{re.escape(f'{path}: {message}')}$"):
        load_series(path)


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: the file cannot be read: No such file"):
        load_series(tmp_path / "none.csv")
    with pytest.raises(DataError, match="the file cannot be read: Is a directory"):
        load_series(tmp_path)


@pytest.mark.parametrize("option", ["time", "value", "features"])
def test_missing_column_is_named_with_those_there_are(tmp_path: Path, option: str) -> None:
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    name = ["CO2"] if option == "features" else "CO2"
    message = f"{path}: there is no column 'CO2'; row 1 names 'date', 'co2'"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        load_series(path, **{option: name})


def test_time_is_not_the_value(tmp_path: Path) -> None:
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    with pytest.raises(DataError, match="column 'date' cannot be both time and value"):
        load_series(path, value="date")


def test_text_in_a_feature_names_its_column(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("date,wind,co2\n2001-01-01,3,1\n2001-01-08,calm,2\n")
    with pytest.raises(DataError, match=r"row 3, column 'wind': 'calm' is not a number$"):
        load_series(path, features=["wind"])
