"""The names that are ours, where they come from, and how the frameworks rank by themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from ncps.config import canonical_distribution

FRAMEWORKS = frozenset({"mlx", "keras", "torch", "numpy"})
ALIASES = {"mlx.nn": "mlx", "keras.layers": "keras", "torch.nn": "torch"}
HOME = {
    "hyena": "ncps-hyena",
    "keras": "ncps-keras",
    "mlx": "ncps-mlx",
    "numpy": "ncps",
    "torch": "ncps-torch",
    "xlstm": "ncps-xlstm",
}
OURS = frozenset(HOME.values())
RESERVED = frozenset({"ncps", *HOME})

# MLX runs on its slow CPU back end on Linux; Keras' recurrences are the slower ones there
_RANK = {"mlx": 900, "keras": 800, "torch": 700, "numpy": 0}
_RANK_ON_LINUX = {"mlx": 400, "keras": 600}
_RANK_OF_OTHERS = 100


def framework_rank(framework: str) -> int:
    """How a framework ranks by itself on this platform, for ties."""
    if sys.platform.startswith("linux") and framework in _RANK_ON_LINUX:
        return _RANK_ON_LINUX[framework]
    return _RANK.get(framework, _RANK_OF_OTHERS)


def refusal(
    distribution: str, technology: str, framework: str, aliases: Iterable[str]
) -> str | None:
    """Why this distribution may not bring this technology: it takes a name that is ours."""
    if canonical_distribution(distribution) in OURS:
        return None
    # a framework named like one of our technologies would change what that word means
    taken = {framework} & (RESERVED - FRAMEWORKS)
    taken |= {technology, *aliases} & (RESERVED | ALIASES.keys())
    if not taken:
        return None
    return (
        f"the name {min(taken)!r} is reserved to ncps and its own plugins; "
        f"{distribution} must choose another one"
    )


def install_hint(technology: str) -> str | None:
    """How to install one of our technologies, if it is one: ``pip install ncps-torch``."""
    home = HOME.get(ALIASES.get(technology, technology))
    return f"pip install {home}" if home else None
