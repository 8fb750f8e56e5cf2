"""ncps 1.0.1 beside ours, in one process: both are called `ncps`, so that it comes from a path.

    python -m pip install --no-deps --target ORIGINAL ncps==1.0.1

Tests find the folder in the environment variable ORIGINAL_NCPS, and skip without it.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

# from here on, wherever a test goes
PATH = os.environ.get("ORIGINAL_NCPS") and os.path.abspath(os.environ["ORIGINAL_NCPS"])


def load(folder: str | os.PathLike[str]) -> SimpleNamespace:
    """Its modules `torch` and `wirings`, from a folder that holds the package."""
    if not (Path(folder) / "ncps" / "torch").is_dir():
        raise SystemExit(f"expected the package ncps 1.0.1 in {folder}. See {__file__}.")
    with _names_of_its_own(str(folder)):
        wirings = importlib.import_module("ncps.wirings")
        return SimpleNamespace(torch=importlib.import_module("ncps.torch"), wirings=wirings)


@contextmanager
def _names_of_its_own(folder: str) -> Iterator[None]:
    """Within this context the name `ncps` means what is in the folder."""

    def take_away() -> dict[str, object]:
        names = [name for name in sys.modules if name.partition(".")[0] == "ncps"]
        return {name: sys.modules.pop(name) for name in names}

    ours = take_away()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        take_away()
        sys.modules.update(ours)  # type: ignore[arg-type]
