"""Only the technologies whose plugin this environment has are tested here."""

from __future__ import annotations

from importlib.util import find_spec

FRAMEWORKS = ("mlx", "torch", "keras")
collect_ignore = [f"test_{name}.py" for name in FRAMEWORKS if find_spec(f"ncps_{name}") is None]
