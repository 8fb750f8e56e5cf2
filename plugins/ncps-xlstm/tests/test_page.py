"""docs/xlstm.md: its examples run as one program, and print what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import documents
import pytest

pytest.importorskip("torch")

from ncps import registry
from ncps_xlstm.specs import FORMS

PAGE = documents.ROOT / "docs" / "xlstm.md"
ME = "plugins/ncps-xlstm/tests/test_page.py"


def test_examples_of_the_page_run_and_print_what_it_says(tmp_path: Path) -> None:
    blocks = documents.blocks(PAGE)
    program = "\n".join(block.text for block in blocks if block.run_by == ME)
    assert "parity" in program
    # what a page prints is the same on every machine when torch shares its work among one thread
    one = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=one, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (shown,) = [block.text for block in blocks if block.language == "text"]
    names = re.findall(r"^\w+", shown, re.MULTILINE)
    said, printed = (dict(re.findall(r"(\w+) +([\d.]+)%", t)) for t in (shown, done.stdout))
    assert list(said) == names == ["sLSTM", "LSTM", "mLSTM"]
    for name in names:
        # the last digits of a training run depend on the processor
        assert float(printed[name]) == pytest.approx(float(said[name]), abs=5.0)
    assert (said["sLSTM"], printed["sLSTM"]) == ("100.00", "100.00")


def test_page_has_every_layer_and_form() -> None:
    page = PAGE.read_text(encoding="utf-8")
    layers = {n for info in registry.technologies() if info.name == "xlstm" for n in info.layers}
    assert {name for name in layers if f"`{name}`" not in page} == set()
    assert re.findall(r'^\| `"(\w+)"`', page, re.MULTILINE) == list(FORMS)
