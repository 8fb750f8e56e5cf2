"""The table of docs/choosing.md says what the manifests of this repository declare."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(
    r"^\| `([\w.]+)` \| ([\w, ]+) \| (-?\d+) \| (?:the core|`([\w-]+)`) \|", re.MULTILINE
)


def test_page_lists_every_technology_with_its_framework_priority_and_distribution() -> None:
    page = (ROOT / "docs" / "choosing.md").read_text(encoding="utf-8")
    listed = [
        (technology, framework, int(priority), distribution or "ncps")
        for technology, frameworks, priority, distribution in ROW.findall(page)
        for framework in frameworks.split(", ")
    ]
    assert sorted(listed) == sorted(_declared())


def _declared() -> list[tuple[str, str, int, str]]:
    core = {"ncps": next(ROOT.glob("ncps-core/src/ncps/reference/ncps_plugin.toml"))}
    plugins = {path.parents[2].name: path for path in ROOT.glob("plugins/*/src/*/ncps_plugin.toml")}
    return [
        (entry["name"], entry["framework"], entry["priority"], distribution)
        for distribution, path in (core | plugins).items()
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["technology"]
    ]
