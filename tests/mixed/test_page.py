"""docs/mixed.md: its examples run as one program, and what they train gets better."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import documents
import pytest

pytest.importorskip("torch")
pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)

PAGE = documents.ROOT / "docs" / "mixed.md"
ME = "tests/mixed/test_page.py"
IMPROVED = "\nassert losses[-1] < 0.9 * losses[0]\nassert curve[-1] < 0.9 * curve[0]\n"


def test_examples_of_the_page_run_and_train(tmp_path: Path) -> None:
    blocks = [block for block in documents.blocks(PAGE) if block.run_by == ME]
    example = "\n".join(block.text for block in blocks if block.language == "py")
    assert example.count("mixed.wrap(") == 2
    command = [sys.executable, "-c", example + IMPROVED]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "trained.safetensors").exists()
