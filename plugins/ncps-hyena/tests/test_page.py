"""docs/hyena.md: its examples run as one program, and the one of planted motifs learns them."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import documents
import pytest

pytest.importorskip("torch")

from ncps_hyena.specs import HyenaDNA

PAGE = documents.ROOT / "docs" / "hyena.md"
ME = "plugins/ncps-hyena/tests/test_page.py"
BLOCKS = [block for block in documents.blocks(PAGE) if block.run_by == ME]


def run(program: str, folder: Path) -> str:
    command = [sys.executable, "-W", "error", "-c", program]
    # what a page prints is the same on every machine when torch shares its work among one thread
    one = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=one, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_examples_of_the_page_run_as_one_program(tmp_path: Path) -> None:
    parts = [block.text for block in BLOCKS if block.name != "motifs"]
    assert len(parts) == 5
    printed = run("\n".join(parts), tmp_path)
    assert "torch.Size([2, 9, 16]) ['ACGTNACGT', 'GATTACA']" in printed


@pytest.mark.slow
def test_planted_motifs_are_told_apart(tmp_path: Path) -> None:
    (program,) = [block.text for block in BLOCKS if block.name == "motifs"]
    printed = run(program, tmp_path)
    found = re.search(r"of new sequences right: (\d+)/(\d+)", printed)
    assert found is not None, printed
    assert int(found[1]) >= 0.95 * int(found[2]), printed


def test_options_of_the_page_are_those_of_the_spec() -> None:
    page = PAGE.read_text(encoding="utf-8")
    defaults = {field.name: field.default for field in dataclasses.fields(HyenaDNA)}
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"\w+", row)}
    layers = {"HyenaOperator", "HyenaBlock", "HyenaDNA"}
    assert len(named) > 12
    assert named - layers - set(defaults) == set()
