"""The support matrix that the kit writes from its results."""

from __future__ import annotations

from ncps.testing import Result, support_matrix
from ncps.testing._verify import FAIL, GAP, PASS


def result(layer: str, check: str, outcome: str = PASS, reason: str | None = None) -> Result:
    return Result("acme", "torch", layer, check, outcome, reason, 0)


def test_matrix_counts_passes_gaps_and_failures() -> None:
    ours = [result("Dense", "values"), result("GRU", "values"), result("GRU", "dtypes")]
    theirs = [
        result("GRU", "values", FAIL, "y: expected 1, got 2\nalso: more"),
        result("GRU", "dtypes", GAP, "float32 only"),
    ]
    lines = support_matrix({"ours": ours, "theirs": theirs}).splitlines()
    assert lines[:4] == [
        "| layer | ours | theirs |",
        "| --- | --- | --- |",
        "| Dense | 1 | – |",
        "| GRU | 2 | 0, 1 gap, **1 FAIL** |",
    ]
    assert lines[5:] == [
        "- FAIL: GRU, `values`, in theirs: y: expected 1, got 2",
        "- gap: GRU, `dtypes`, in theirs: float32 only",
    ]


def test_gap_of_several_columns_is_told_once() -> None:
    gap = [result("GRU", "dtypes", GAP, "float32 only")]
    text = support_matrix({"a": gap, "b": gap})
    assert text.count("float32 only") == 1
    assert "in a, b: float32 only" in text


def test_matrix_without_gaps_is_the_table_alone() -> None:
    assert support_matrix({"a": [result("Dense", "values")]}).count("\n") == 3
