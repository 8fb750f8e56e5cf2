"""The command `ncps`. A subcommand's module is imported only when it is the one that was called."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType

import ncps
from ncps.errors import NcpsError

# each module has add_parser(subparsers) and run(args) -> exit code
COMMANDS = {
    "convert": "convert a file of layers to another technology and check the result",
    "doctor": "show what is installed, what is broken, and which config counts",
    "explain": "show which technology would serve a layer, and why",
    "predict": "forecast a series with a trained folder",
    "technologies": "list the installed technologies and their layers",
    "train": "train a model on a series and set it beside two baselines",
    "verify": "check a technology's layers against the reference",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 2 for an error of use or of input."""
    words = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a plugin's text may not fit the terminal's code
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _run(words)
    except NcpsError as error:
        print(f"ncps: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("ncps: interrupted", file=sys.stderr)
        return 130


def _run(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="ncps", description="Liquid neural networks, native in every framework."
    )
    parser.add_argument("--version", action="version", version=f"ncps {ncps.__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="command", required=True)
    called = next((word for word in words if not word.startswith("-")), None)
    module: ModuleType | None = None
    for name, summary in COMMANDS.items():
        if name == called:
            module = importlib.import_module(f"ncps.cli._{name}")
            module.add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=summary)
    arguments = parser.parse_args(words)
    assert module is not None  # argparse exits unless one of COMMANDS was called
    code: int = module.run(arguments)
    sys.stdout.flush()
    return code
