"""`LayerConformance` under pytest: what a passing, failing and declared check look like there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
from ncps.testing import LayerConformance

class TestOne(LayerConformance):
    technology, framework, layers = "numpy", "numpy", ("Dense",)
    gaps = {gaps}
"""


def run(folder: Path, gaps: dict[tuple[str, str], str], *options: str) -> str:
    (folder / "test_one.py").write_text(TESTS.format(gaps=gaps))
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", *options]
    done = subprocess.run([*command, "test_one.py"], cwd=folder, capture_output=True, text=True)
    return done.stdout


def test_suite_makes_one_test_of_each_layer_and_check(tmp_path: Path) -> None:
    out = run(tmp_path, {}, "-k", "protocol or values", "-v")
    assert "test_layer_keeps_promise[Dense-protocol] PASSED" in out
    assert "test_layer_keeps_promise[Dense-values] PASSED" in out
    assert "2 passed" in out


def test_gap_that_is_closed_fails(tmp_path: Path) -> None:
    out = run(tmp_path, {("Dense", "protocol"): "not written"}, "-k", "protocol")
    assert "gap closed: the check passes, remove the declaration (not written)" in out
    assert "1 failed" in out


def test_gap_that_is_open_is_expected_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a plugin that a user's setting has broken: every call with this dtype fails
    (tmp_path / "conftest.py").write_text(
        "from ncps.testing._numpy_adapter import NumpyArrays\nNumpyArrays.dtypes = ('float8',)\n"
    )
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    out = run(tmp_path, {("*", "dtypes"): "no float8 here"}, "-k", "dtypes")
    assert "declared gap: no float8 here" in out
    assert "1 xfailed" in out
    out = run(tmp_path, {}, "-k", "dtypes")
    assert "Dense dtypes: raised PluginError" in out
    assert "1 failed" in out


def test_gap_with_a_wrong_name_fails(tmp_path: Path) -> None:
    out = run(tmp_path, {("Dense", "valuess"): "typo"}, "-k", "gaps_name")
    assert "Did you mean 'values'?" in out
    out = run(tmp_path, {("Dens", "values"): "typo"}, "-k", "gaps_name")
    assert "Did you mean 'Dense'?" in out
    out = run(tmp_path, {("Dense", "values"): " "}, "-k", "gaps_name")
    assert "expected a reason for the gap" in out
