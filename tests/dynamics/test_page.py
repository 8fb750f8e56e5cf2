"""docs/liquid.md: its examples run as one program, and its table names every kind of layer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ncps.dynamics import LIQUID

PAGE = Path(__file__).parents[2] / "docs" / "liquid.md"


def test_examples_of_the_page_run_as_one_program(tmp_path: Path) -> None:
    pytest.importorskip("mlx.core", reason="the examples are on MLX", exc_type=ImportError)
    parts = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "page.py").write_text("\n".join(parts))
    done = subprocess.run(
        [sys.executable, "-W", "error", "page.py"],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_table_has_every_kind_of_layer() -> None:
    rows = re.findall(r"^\| (\w+) \| .* \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows[1:]) == sorted(LIQUID)
