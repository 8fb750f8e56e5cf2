"""Which technology is chosen when two sources speak: each pair, and each source alone."""

from __future__ import annotations

import itertools
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import ncps

# the first that speaks in front; "declared" is what counts when nobody does
SOURCES = (
    "argument",
    "use",
    "set_default",
    "NCPS_TECHNOLOGY",
    "NCPS_PRIORITY",
    "project [layers]",
    "project priority",
    "user [layers]",
    "user priority",
    "declared",
)
_FILES = {"project": Path.cwd(), "user": Path.home() / ".config" / "ncps"}


def _write(says: dict[str, str]) -> None:
    for owner, folder in _FILES.items():
        lines = []
        if f"{owner} priority" in says:
            lines.append(f"priority = {{ {says[f'{owner} priority']} = 9000 }}")
        if f"{owner} [layers]" in says:
            lines.append(f'[layers]\nDense = ["{says[f"{owner} [layers]"]}"]')
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ncps.toml").write_text("\n".join(lines))


def chosen(says: dict[str, str]) -> str:
    """The technology of the layer that is made while every source says its word."""
    _write(says)
    ncps.reload()
    for variable, word in (("NCPS_TECHNOLOGY", "{}"), ("NCPS_PRIORITY", "{}=9000")):
        os.environ[variable] = word.format(says[variable]) if variable in says else ""
    named = {"technology": says["argument"]} if "argument" in says else {}
    ncps.set_default(says.get("set_default"))
    with ExitStack() as stack:
        if "use" in says:
            stack.enter_context(ncps.use(says["use"]))
        made: str = ncps.create("Dense", units=1, **named).technology
        row = ncps.explain("Dense", **named).chosen
    assert row is not None
    assert row.technology.replace("-", "_") == made, (says, row, made)
    return made


def main() -> None:
    """Print source → technology, and "first > second" → technology."""
    told = {source: chosen({source: "acme-low"}) for source in SOURCES[:-1]}
    told["declared"] = chosen({})
    for first, second in itertools.combinations(SOURCES[:-1], 2):
        told[f"{first} > {second}"] = chosen({first: "acme-low", second: "acme-other"})
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
