"""The commands and examples of README.md and docs/, read from the pages themselves.

A page marks a block by a comment above its fence: `<!-- run: NAME -->` gives it a name, and
`<!-- run by: PATH -->` says which test or script runs it instead of the documents' own test.
`python documents.py NAME` prints the command of README.md that has that name.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_MARK = re.compile(r"<!-- (?P<kind>run|run by): (?P<value>\S+) -->")
_FENCE = re.compile(r"```(?P<language>\w*)\s*$")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it stands, in which language, and what its mark says."""

    page: Path
    line: int
    language: str
    text: str
    name: str = ""
    run_by: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page, in order."""
    found: list[Block] = []
    mark: dict[str, str] = {}
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), start=1)
    for number, line in lines:
        if fence := _FENCE.match(line):
            body = []
            for _, inner in lines:
                if inner.startswith("```"):
                    break
                body.append(inner)
            text = "\n".join(body) + "\n"
            name, run_by = mark.get("run", ""), mark.get("run by", "")
            found.append(Block(page, number, fence["language"], text, name, run_by))
            mark = {}
        elif comment := _MARK.match(line):
            mark[comment["kind"]] = comment["value"]
        elif line.strip():
            mark = {}
    return found


def command(name: str) -> str:
    """The one command line of README.md that is marked with this name."""
    found = [block for block in blocks(ROOT / "README.md") if block.name == name]
    if len(found) != 1:
        raise SystemExit(f"README.md has {len(found)} blocks marked {name!r}, expected one")
    return found[0].text.strip()


if __name__ == "__main__":
    print(command(sys.argv[1]))
