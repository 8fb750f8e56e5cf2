"""Every command and example in README.md and docs/ runs as written; every link leads somewhere."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import documents
import pytest

pytestmark = pytest.mark.install

BLOCKS = [block for page in documents.PAGES for block in documents.blocks(page)]
COMMANDS = [block for block in BLOCKS if block.language == "bash"]
EXAMPLES = [
    page
    for page in documents.PAGES
    if any(b.page == page and b.language == "python" for b in BLOCKS)
]
_LINK = re.compile(r"\]\((?!https?://)([^)#\s]+)")


def _shell(text: str, tree: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    line = ["bash", "-euo", "pipefail", "-c", text]
    done = subprocess.run(line, cwd=tree, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def trained(tree, environment) -> subprocess.CompletedProcess[str]:
    """The README's first command, run once in a copy of the tree: it installs and trains."""
    return _shell(documents.command("first"), tree, environment)


def test_first_command_trains_and_leaves_the_files_it_promises(trained, tree) -> None:
    page = (documents.ROOT / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in (tree / "co2-CfC").iterdir()}
    assert {name for name in files if f"`{name}`" not in page} == set()
    assert {"model.safetensors", "forecast.png", "wiring.png"} <= files


def test_first_command_ranks_model_and_baselines_as_the_readme_says(trained, tree) -> None:
    metrics = json.loads((tree / "co2-CfC" / "metrics.json").read_text(encoding="utf-8"))
    errors = {name: error["mae"] for name, error in metrics["errors"]["test"].items()}
    assert sorted(errors, key=errors.__getitem__) == ["CfC", "ridge", "persistence"]


@pytest.mark.parametrize(
    "block", [b for b in COMMANDS if not b.run_by and b.name != "first"], ids=str
)
def test_command_runs_as_written(block, trained, tree, environment) -> None:
    _shell(block.text, tree, environment)


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.name)
def test_python_examples_of_a_page_run_as_one_program(page, trained, tree, environment) -> None:
    parts = [b.text for b in documents.blocks(page) if b.language == "python"]
    script = tree / f"{page.stem}_examples.py"
    script.write_text("\n".join(parts))
    _shell(f".venv/bin/python -W error {script.name}", tree, environment)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.run_by], ids=str)
def test_block_that_something_else_runs_names_it(block) -> None:
    assert (documents.ROOT / block.run_by).is_file()


@pytest.mark.parametrize("page", documents.PAGES, ids=lambda page: page.name)
def test_relative_links_lead_to_files(page) -> None:
    targets = _LINK.findall(page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []
