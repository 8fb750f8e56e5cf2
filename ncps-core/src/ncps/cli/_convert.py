"""`ncps convert`: a file of layers in the names and shapes of another technology, and the proof."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ncps.cli._console import print_json, width
from ncps.errors import ConfigError
from ncps.registry import table_text

if TYPE_CHECKING:
    from ncps.conversion import ConvertedLayer


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to the parser."""
    summary = "convert a file of layers to another technology and check the result"
    parser = subparsers.add_parser(
        "convert",
        help=summary,
        description=f"{summary.capitalize()}: each layer runs in both, on a fixed random sequence, "
        "and OUT is written only when every step's output and states agree. OUT is a safetensors "
        "file with the native names and shapes of the technology, which ncps.load reads too.",
    )
    add = parser.add_argument
    add("source", metavar="IN", type=Path, help="a file of ncps.save, or a foreign checkpoint")
    add("out", metavar="OUT", type=Path, help="the safetensors file to write")
    add("--to", metavar="TECHNOLOGY", required=True, help="mlx, torch, numpy, …")
    add("--framework", help="the framework, for a technology that is on several")
    add(
        "--from",
        dest="beside",
        metavar="TECHNOLOGY",
        default="numpy",
        help="run IN there for the comparison (numpy, the float64 reference)",
    )
    add("--format", help="format of a foreign checkpoint, such as ncps-1.0 (found out)")
    add(
        "--option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="what a foreign checkpoint does not say, such as mode=no_gate; may be repeated",
    )
    add("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Convert; 0 when all differences are allowed and OUT is written, else 1."""
    from ncps.conversion import convert_file

    out = arguments.out
    if (out.exists() and not out.is_file()) or not out.absolute().parent.is_dir():
        raise ConfigError(f"OUT {out} cannot be written; name a file in a folder that exists.")
    try:
        done = convert_file(
            arguments.source,
            out,
            technology=arguments.to,
            framework=arguments.framework,
            beside=arguments.beside,
            format=arguments.format,
            options=dict(map(_option, arguments.option)),
        )
    except OSError as error:
        raise ConfigError(f"OUT {out} cannot be written: {error.strerror or error}.") from error
    within = all(layer.comparison.within for layer in done)
    if arguments.json:
        print_json({"written": within, "layers": [layer.to_dict() for layer in done]})
    else:
        print("\n\n".join(map(_text, done)))
        count = sum(len(layer.tensors) for layer in done)
        end = f"written: {count} tensors" if within else "not written: the difference is too large"
        print(f"\n{out} {end}")
    return 0 if within else 1


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ConfigError(f"--option expected NAME=VALUE, as in mode=no_gate, got {text!r}.")
    try:
        return name, json.loads(value)
    except ValueError:  # a word
        return name, value


def _text(layer: ConvertedLayer) -> str:
    rows = [
        (t.name, " × ".join(map(str, t.shape)) or "scalar", ", ".join(t.sources))
        for t in layer.tensors
    ]
    tensors = table_text(("tensor", "shape", "holds the parameters"), rows, width())
    title = f"{layer.path}: " if layer.path else ""
    return f"{title}{layer.comparison}\n\n{tensors}"
