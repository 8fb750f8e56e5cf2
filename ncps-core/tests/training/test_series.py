from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from ncps.errors import ConfigError
from ncps.training import load_series
from ncps.training._times import Clock


def _load(tmp_path: Path, text: str, **options):
    path = tmp_path / "series.csv"
    path.write_text(text)
    return load_series(path, **options)


def test_co2_is_the_weekly_record_with_its_gaps() -> None:
    series = load_series("co2")
    assert (len(series), series.skipped, series.unit) == (2225, 59, "ppm")
    assert series.columns == ("date", "co2")
    assert series.clock.format(series.time[0]) == "1958-03-29"
    assert series.clock.format(series.time[-1]) == "2001-12-29"
    assert (series.values[0], series.values[-1]) == (316.1, 371.5)
    assert set(np.diff(series.time) % (7 * 86400)) == {0}


def test_defaults_take_the_named_time_and_the_last_numeric_column(tmp_path: Path) -> None:
    text = "site,Date,wind,level [cm],remark\nA,2001-01-01,1,7,x\nA,2001-01-02,2,8,y\n"
    series = _load(tmp_path, text)
    assert series.columns == ("Date", "level [cm]")
    assert series.unit == "cm"
    np.testing.assert_array_equal(series.values, [7, 8])


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    text = "a,t,b,c\n5,1,2,3\n6,2,3,4\n"
    series = _load(tmp_path, text, time="t", value="a", features=["c", "b"], unit="K")
    np.testing.assert_array_equal(series.time, [1, 2])
    np.testing.assert_array_equal(series.values, [5, 6])
    np.testing.assert_array_equal(series.features, [[3, 2], [4, 3]])
    assert series.unit == "K"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiter_byte_order_mark_and_blank_lines_are_understood(
    tmp_path: Path, delimiter: str
) -> None:
    rows = ["\ufefft,v", "1,10", "", "2,20", ""]
    series = _load(tmp_path, "\r\n".join(rows).replace(",", delimiter))
    np.testing.assert_array_equal(series.values, [10, 20])


def test_empty_value_or_feature_is_a_gap_that_is_counted(tmp_path: Path) -> None:
    text = "t,f,v\n1,1,10\n2,,20\n3,1,\n4,1,40\n"
    series = _load(tmp_path, text, features=["f"])
    np.testing.assert_array_equal(series.time, [1, 4])
    assert series.skipped == 2


@pytest.mark.parametrize(
    ("cells", "clock", "seconds"),
    [
        (["1970-01-02", "1970-01-03"], Clock("date"), [86400, 172800]),
        (["19700102", "19700103"], Clock("date"), [86400, 172800]),
        (["1970-01", "1970-02"], Clock("date"), [0, 31 * 86400]),
        (["1970-01-01 00:00:01", "1970-01-01T00:01"], Clock("datetime"), [1, 60]),
        (["1970-01-01T02:00+02:00", "1970-01-01T00:00:05Z"], Clock("datetime", True), [0, 5]),
        (["19700102", "19709999"], Clock("number"), [19700102, 19709999]),
        (["-1.5", "2e3"], Clock("number"), [-1.5, 2000]),
    ],
)
def test_times_are_numbers_or_iso_8601(
    tmp_path: Path, cells: list[str], clock: Clock, seconds: list[float]
) -> None:
    series = _load(tmp_path, f"t,v\n{cells[0]},1\n{cells[1]},2\n")
    assert series.clock == clock
    np.testing.assert_array_equal(series.time, seconds)


@pytest.mark.parametrize(
    ("clock", "text"),
    [
        (Clock("date"), "2001-12-29"),
        (Clock("datetime"), "2001-12-29T06:00:00"),
        (Clock("datetime", True), "2001-12-29T06:00:00+00:00"),
        (Clock("number"), "12"),
        (Clock("number"), "-0.25"),
    ],
)
def test_time_is_written_as_it_was_read(clock: Clock, text: str) -> None:
    assert clock.format(clock.parse(text)) == text


def test_date_between_two_days_is_written_with_its_hour() -> None:
    half = (datetime(2001, 1, 1, 12) - datetime(1970, 1, 1)).total_seconds()
    assert Clock("date").format(half) == "2001-01-01T12:00:00"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4w", 2419200), ("30 d", 2592000), ("1.5h", 5400), ("90min", 5400), ("2s", 2)],
)
def test_duration_has_a_unit_for_dates(text: str, seconds: float) -> None:
    assert Clock("date").duration("horizon", text) == seconds


@pytest.mark.parametrize(
    ("clock", "text", "message"),
    [
        (Clock("date"), "4", "horizon '4' needs a unit, .* one of y, w, d, h, min, s, such as 4w"),
        (Clock("date"), "4m", "horizon '4m' needs a unit"),
        (Clock("number"), "4w", "horizon '4w' has a unit, but the series' times are plain numbers"),
        (Clock("number"), "-4", "horizon '-4' is not a positive length of time such as 4$"),
        (Clock("date"), "9" * 400 + "w", r"horizon '9+\.\.\.9+w' is not a positive length of time"),
        (Clock("number"), "9" * 400, r"horizon '9+\.\.\.9+' is not a positive length of time"),
        (Clock("date"), "0w", "horizon '0w' is not a positive length of time such as 4w or 30d$"),
    ],
)  # fmt: skip
def test_duration_that_cannot_be_is_refused(clock: Clock, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        clock.duration("horizon", text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(2419200, "4w"), (2592000, "30d"), (5400, "90min"), (129600, "36h")]
)
def test_duration_is_described_in_its_largest_unit(seconds: float, text: str) -> None:
    assert Clock("date").describe(seconds) == text


def test_drop_takes_the_same_observations_for_the_same_seed() -> None:
    series = load_series("co2")
    first, again, other = series.drop(0.5, 1), series.drop(0.5, 1), series.drop(0.5, 2)
    assert len(first) == 1113
    assert first.dropped == 1112
    np.testing.assert_array_equal(first.time, again.time)
    assert not np.array_equal(first.time, other.time)
    assert np.isin(first.time, series.time).all()
    assert (np.diff(first.time) > 0).all()
    assert first.fingerprint == series.fingerprint


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_drop_of_no_fraction_is_refused(fraction: float) -> None:
    with pytest.raises(ConfigError, match="is not a fraction; expected at least 0 and below 1"):
        load_series("co2").drop(fraction, 0)


def test_fingerprint_tells_series_apart(tmp_path: Path) -> None:
    one = _load(tmp_path, "t,v\n1,10\n2,20\n")
    same = _load(tmp_path, "when;what\n1;10\n2;20.0\n")
    other = _load(tmp_path, "t,v\n1,10\n2,20.5\n")
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_time_past_the_year_9999_is_written(tmp_path: Path) -> None:
    clock = Clock("date")
    assert clock.format(clock.parse("9999-12-31")) == "9999-12-31"
    assert clock.format(clock.parse("9999-12-31") + 86400).endswith("10000-01-01T00:00:00")
