"""`ncps doctor`: what is installed, what is broken, which config counts.

It imports no plugin, unless it is told to with ``--load``.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from typing import TYPE_CHECKING, Any

from ncps.cli import COMMANDS
from ncps.cli._console import print_json
from ncps.cli._technologies import technologies_text

if TYPE_CHECKING:
    from ncps.registry import Overview


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to the parser."""
    summary = COMMANDS["doctor"]
    parser = subparsers.add_parser("doctor", help=summary, description=summary)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--load", action="store_true", help="also import every plugin and try its layers"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the overview; the exit code is 1 when something that is installed cannot be used."""
    from ncps import registry

    with contextlib.redirect_stdout(sys.stderr):  # what plugins print is not part of the answer
        overview = registry.overview(load=arguments.load)
    if arguments.json:
        print_json(overview.to_dict())
    else:
        print(_text(overview))
    return 1 if any(problem.dropped for problem in overview.problems) else 0


def _text(overview: Overview) -> str:
    lines = [f"ncps {overview.version}, Python {overview.python}, {overview.platform}"]
    lines += [f"config: {path}" for path in overview.config] or ["config: none"]
    lines += [f"{name}={value}" for name, value in overview.environment.items()]
    lines += ["", technologies_text(overview.technologies), ""]
    paths = {f"{t.distribution} {t.version}": t.path for t in overview.technologies}
    lines += [f"{name}: {path}" for name, path in paths.items()]
    lines += ["", "problems:" if overview.problems else "no problems found"]
    for problem in overview.problems:
        lines.append(f"  {problem}{'' if problem.dropped else ' (passed over)'}")
    return "\n".join(lines)
