"""`ncps verify`: check a technology's layers against the reference, without pytest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ncps.cli._console import print_json, width
from ncps.registry import table_text

if TYPE_CHECKING:
    from ncps.testing import Result


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to the parser."""
    summary = "check a technology's layers against the reference"
    parser = subparsers.add_parser("verify", help=summary, description=summary)
    parser.add_argument("technology", help="its name; a framework's name means all that is on it")
    parser.add_argument("--framework", help="only on this framework")
    parser.add_argument("--layer", action="append", help="only this layer; may be repeated")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run the checks; 0 when all pass or fail as declared gaps say, else 1."""
    from ncps.testing._technology import installed, layers_of
    from ncps.testing._verify import FAIL, verify

    layers = None if arguments.layer is None else tuple(arguments.layer)
    found = installed(arguments.technology, arguments.framework)
    offered = {layer for info in found for layer in info.layers}
    if layers is None or not offered.issuperset(layers):
        layers_of(found[0], layers)  # tells the name that none of them offers
    results: list[Result] = []
    for info in found:
        own = None if layers is None else tuple(n for n in layers if n in info.layers)
        results += _shown(verify(info, own), arguments.json)
    if arguments.json:
        print_json([result.to_dict() for result in results])
    else:
        print(_text(results))
    return 1 if any(r.outcome == FAIL for r in results) else 0


def _shown(results: Iterable[Result], quiet: bool) -> Iterable[Result]:
    """Say on a terminal what is being checked: a whole run takes about a minute."""
    for result in results:
        if not quiet and sys.stderr.isatty():
            where = f"{result.technology} on {result.framework}: {result.layer} {result.check}"
            print(f"\r\x1b[K{where}", end="", file=sys.stderr, flush=True)
        yield result
    if not quiet and sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _text(results: list[Result]) -> str:
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.technology, result.framework), []).append(result)
    return "\n\n".join(_table(*names, group) for names, group in groups.items())


def _table(technology: str, framework: str, results: list[Result]) -> str:
    from ncps.testing import all_checks

    layers = list(dict.fromkeys(r.layer for r in results))
    cells = {(r.check, r.layer): r.outcome for r in results}
    checks = [name for name in all_checks() if any(r.check == name for r in results)]
    lines = [f"{technology} on {framework}"]
    for group in _groups(layers, width() - max(map(len, checks))):
        rows = [(check, *(cells.get((check, layer), "-") for layer in group)) for check in checks]
        lines += ["", table_text(("check", *group), rows, width())]
    lines.append("")
    for result in results:
        if result.reason is not None:
            reason = result.reason.partition("\n")[0]
            lines.append(f"{result.outcome} {result.layer} {result.check}: {reason}")
    counts = {o: sum(r.outcome == o for r in results) for o in ("pass", "gap", "FAIL")}
    lines.append(", ".join(f"{n} {o}" for o, n in counts.items()))
    return "\n".join(lines)


def _groups(layers: list[str], room: int) -> list[list[str]]:
    """The layers in as many tables as it takes for none to be broken across lines."""
    groups: list[list[str]] = []
    left = 0
    for layer in layers:
        needed = max(len(layer), len("pass")) + 2
        if not groups or needed > left:
            groups.append([])
            left = room
        groups[-1].append(layer)
        left -= needed
    return groups
