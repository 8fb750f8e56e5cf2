"""`ncps explain CfC`: which technology would serve a layer, and why."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ncps.cli import COMMANDS
from ncps.cli._console import print_json, width
from ncps.errors import ConfigError


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to the parser."""
    summary = COMMANDS["explain"]
    parser = subparsers.add_parser("explain", help=summary, description=summary)
    parser.add_argument("layer", metavar="LAYER", help="name of a layer, such as CfC")
    parser.add_argument("--technology", metavar="T", help="as in create(technology=T)")
    parser.add_argument("--framework", metavar="F", help="as in create(framework=F)")
    parser.add_argument("--device", metavar="D", help="as in create(device=D)")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="an option of the layer, such as units=64; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation; the exit code is 1 when nobody can serve the layer."""
    from ncps import registry

    explanation = registry.explain(
        arguments.layer,
        arguments.technology,
        arguments.framework,
        arguments.device,
        **dict(map(_option, arguments.set)),
    )
    if arguments.json:
        print_json(explanation.to_dict())
    else:
        print(explanation.text(width()))
    return 0 if explanation.chosen else 1


def _option(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key.isidentifier() and equals):
        raise ConfigError(f"--set expected KEY=VALUE such as units=64, got {text!r}.")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value
