"""Only the technologies whose plugin this environment has are tested here."""

from __future__ import annotations

from importlib.util import find_spec

PLUGINS = ("hyena", "keras", "mlx", "torch", "xlstm")
collect_ignore = [f"test_{name}.py" for name in PLUGINS if find_spec(f"ncps_{name}") is None]
