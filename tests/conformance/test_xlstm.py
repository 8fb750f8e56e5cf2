"""The layers of ncps-xlstm keep every promise on each framework that is here."""

from __future__ import annotations

from suites import suites

globals().update(suites("xlstm"))


def test_reference_is_among_what_is_tested() -> None:
    assert "TestNumpy" in globals()
