"""docs/backends.md: the script for all four back ends, in a process whose Keras runs on JAX."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import documents
import pytest

PAGE = documents.ROOT / "docs" / "backends.md"
ME = "tests/neural/test_page.py"


def _run(code: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_one_script_learns_the_same_on_four_back_ends_in_one_process(tmp_path: Path) -> None:
    for module in ("mlx.core", "torch", "keras", "jax"):
        pytest.importorskip(module, exc_type=ImportError)
    (script,) = [block.text for block in documents.blocks(PAGE) if block.run_by == ME]
    told = [line.split() for line in _run(script, tmp_path, KERAS_BACKEND="jax").splitlines()]
    assert [line[0] for line in told] == ["mlx", "torch", "keras", "jax"]
    assert len({f"{float(line[2]):.4f}" for line in told}) == 1


def test_operations_of_the_page_are_those_that_there_are() -> None:
    from ncps.neural import OPERATIONS

    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("## Operations")[2].partition("Each is compared")[0]
    named = set(re.findall(r"`(\w+)[`(]", table))
    assert set(OPERATIONS) <= named


def test_other_examples_of_the_page_run_as_one_program(tmp_path: Path) -> None:
    pytest.importorskip("mlx.core", exc_type=ImportError)
    blocks = [b.text for b in documents.blocks(PAGE) if b.language == "python"]
    script = tmp_path / "examples.py"
    script.write_text("\n".join(blocks))
    told = _run(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", tmp_path)
    assert "DENSE" in told
