"""Writes docs/support.md from what `ncps verify … --json` printed: `nox -s support` calls it.

Each argument is a file of results, with a note for its columns behind a colon:
``python write_support.py numpy.json torch.json keras-jax.json:JAX``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ncps.testing import Result, support_matrix

PAGE = Path(__file__).parents[2] / "docs" / "support.md"
HEAD = """# What works where

Every layer in every technology, as the [conformance kit](conformance.md) found it: how many of
its checks passed, which fail as declared (a gap, with its reason below the table), or – where the
technology does not offer the layer. `nox -s support` writes this page, nothing in it by hand.

"""


def columns(arguments: list[str]) -> dict[str, list[Result]]:
    """The results of all files by technology, framework and note."""
    found: dict[str, list[Result]] = {}
    for argument in arguments:
        path, _, note = argument.partition(":")
        for entry in json.loads(Path(path).read_text(encoding="utf-8")):
            result = Result(**entry)
            heading = f"{result.technology} on {result.framework}"
            found.setdefault(f"{heading}, {note}" if note else heading, []).append(result)
    return found


if __name__ == "__main__":
    new = PAGE.with_suffix(".tmp")
    new.write_text(HEAD + support_matrix(columns(sys.argv[1:])), encoding="utf-8")
    new.replace(PAGE)
