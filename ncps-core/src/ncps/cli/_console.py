"""Output of the commands: tables as wide as the terminal, 80 columns in a pipe, or JSON."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

from ncps.registry import WIDTH


def width() -> int:
    """Columns to draw for."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH


def print_json(value: Any) -> None:
    """Print `value` as JSON."""
    print(json.dumps(value, indent=2))
