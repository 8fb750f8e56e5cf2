"""`ncps technologies`: what is installed, in a table."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ncps.cli import COMMANDS
from ncps.cli._console import print_json, width
from ncps.registry import table_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ncps.registry import TechnologyInfo


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to the parser."""
    summary = COMMANDS["technologies"]
    parser = subparsers.add_parser("technologies", help=summary, description=summary)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    from ncps import registry

    found = registry.technologies()
    if arguments.json:
        print_json([info.to_dict() for info in found])
    else:
        print(technologies_text(found))
    return 0


def technologies_text(found: Iterable[TechnologyInfo]) -> str:
    """The technologies as a table."""
    headings = ("technology", "framework", "priority", "distribution", "layers", "available")
    rows = [
        (
            t.name,
            t.framework,
            f"{t.priority:g}",
            f"{t.distribution} {t.version}",
            ", ".join(t.layers),
            "yes" if t.available else f"no: {t.reason}",
        )
        for t in found
    ]
    return table_text(headings, rows, width())
