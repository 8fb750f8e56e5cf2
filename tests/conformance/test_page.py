"""docs/conformance.md says what the kit does: its table and its example are held to the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ncps.testing import all_checks

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"


def test_page_lists_every_check_with_its_promise() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(listed) == {c.name: c.promise.rstrip(".") for c in all_checks().values()}


def test_example_of_the_page_runs_under_pytest(tmp_path: Path) -> None:
    pytest.importorskip("mlx.core", reason="the example is on MLX", exc_type=ImportError)
    example = re.findall(r"```py\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    (tmp_path / "test_example.py").write_text(example)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_example.py"]
    done = subprocess.run(
        [*command, "-k", "protocol"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "2 passed" in done.stdout, done.stdout
