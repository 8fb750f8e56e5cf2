"""`TimeManager`: timespans from timestamps and back, units, and the forms that layers take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ncps.dynamics import TimeManager
from ncps.errors import ShapeError, SpecError

SPANS = np.array([[0.0, 1.5, 0.25], [2.0, 0.0, 4.0]])


@pytest.mark.parametrize("form", [SPANS, SPANS[1], SPANS[..., None]], ids=["BT", "T", "BT1"])
def test_timestamps_and_timespans_are_each_other_s_inverse(form: np.ndarray) -> None:
    time = TimeManager()
    stamps = time.timestamps(form, start=7.0)
    axis = 0 if form.ndim == 1 else 1
    np.testing.assert_array_equal(stamps, 7.0 + np.cumsum(form, axis=axis))
    spans = time.timespans(stamps)
    rest = (slice(None),) * axis + (slice(1, None),)
    np.testing.assert_array_equal(spans[rest], form[rest])
    # how long the first step took is not in the stamps
    assert not np.any(np.take(spans, 0, axis=axis))
    np.testing.assert_array_equal(time.timespans(time.timestamps(spans)), spans)


def test_unit_makes_the_mean_gap_one() -> None:
    time = TimeManager().fitted(SPANS)
    assert time.unit == pytest.approx((1.5 + 0.25 + 2.0 + 4.0) / 4)
    scaled = time.normalise(SPANS)
    assert scaled[scaled > 0].mean() == pytest.approx(1.0)
    np.testing.assert_allclose(time.restore(scaled), SPANS)
    assert time.fitted(np.zeros(3)) is time


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (0.5, np.full((2, 3), 0.5)),
        (SPANS[0], np.stack([SPANS[0]] * 2)),
        (SPANS, SPANS),
        (SPANS[..., None], SPANS),
    ],
    ids=["number", "T", "BT", "BT1"],
)
def test_every_form_becomes_one_time_per_row_and_step(form: Any, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(TimeManager().validated(form, 2, 3), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: t.validated(np.ones(2), 2, 3), r"timespans \(2, 3\), got \(2,\)"),
        (lambda t: t.validated(-0.5, 2, 3), r"timespans with every elapsed time >= 0.*got -0.5"),
        (lambda t: t.validated(np.nan, 2, 3), r"finite in float64, got nan"),
        (lambda t: t.timespans([3.0, 2.0]), r"timestamps with every .* got -1. Sort the series"),
        (lambda t: t.timespans(3.0), r"times \(T,\), \(B, T\) or \(B, T, 1\), got \(\)"),
        (lambda t: t.timestamps(np.ones((2, 3, 2))), r"got \(2, 3, 2\). Pass one time per step"),
    ],
)
def test_times_that_cannot_be_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        call(TimeManager())


@pytest.mark.parametrize("unit", [0, -1.0, float("inf"), "day"])
def test_unit_must_be_a_length_of_time(unit: Any) -> None:
    with pytest.raises(SpecError, match=r"TimeManager expected (a )?unit"):
        TimeManager(unit)
