"""The programs of docs/migration.md run as written: one with ncps 1.0.1, the others with ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import documents
import original
import pytest

torch = pytest.importorskip("torch")
if original.PATH is None:
    pytest.skip("ORIGINAL_NCPS is not set", allow_module_level=True)

PAGE = documents.ROOT / "docs" / "migration.md"
PROGRAMS = {block.name: block.text for block in documents.blocks(PAGE)}


def run(program: str, folder: Path, **environment: str) -> None:
    path = folder / "program.py"
    path.write_text(PROGRAMS[program])
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page's first program, run by ncps 1.0.1, has left its checkpoint."""
    folder = tmp_path_factory.mktemp("migration")
    assert original.PATH is not None
    run("before", folder, PYTHONPATH=original.PATH)
    saved = torch.load(folder / "model.pt", weights_only=True)
    assert "rnn_cell.sparsity_mask" in saved, "expected a file that ncps 1.0.1 wrote"
    return folder


def test_checkpoint_loads_as_the_page_says(folder: Path) -> None:
    run("after", folder)


def test_file_says_what_the_layer_is(folder: Path) -> None:
    run("from_pretrained", folder)


def test_every_name_of_the_page_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for module, names in re.findall(r"from (ncps\.torch|ncps\.wirings) import ([\w, ]+)`", text):
        found = __import__(module, fromlist=["names"])
        assert [n for n in names.split(", ") if not hasattr(found, n)] == []


def test_every_program_of_the_page_is_run_here() -> None:
    assert sorted(PROGRAMS) == ["after", "before", "from_pretrained"]
