"""``python -m ncps`` is the command ``ncps``."""

from __future__ import annotations

import sys

from ncps.cli import main

if __name__ == "__main__":
    sys.exit(main())
