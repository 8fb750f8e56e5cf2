"""docs/converting.md: its Python examples run as one program, and then its command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import documents
import pytest

pytest.importorskip("torch")
pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)

PAGE = documents.ROOT / "docs" / "converting.md"
ME = "tests/conversion/test_page.py"


def test_examples_and_command_of_the_page_run(tmp_path: Path) -> None:
    blocks = [block for block in documents.blocks(PAGE) if block.run_by == ME]
    example = "\n".join(block.text for block in blocks if block.language == "py")
    assert "ncps.convert(" in example
    _run([sys.executable, "-c", example], tmp_path)
    (command,) = [block.text.split() for block in blocks if block.language == "bash"]
    assert command[0] == "ncps"
    told = _run([sys.executable, "-m", *command], tmp_path)
    assert "written:" in told
    assert (tmp_path / "mlx.safetensors").exists()


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
