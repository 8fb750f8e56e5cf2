"""Hyena for ncps, on PyTorch and on MLX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "2.0.0"

if TYPE_CHECKING:
    from ncps_hyena._tokenizer import CharacterTokenizer as CharacterTokenizer


def __getattr__(name: str) -> Any:
    # the registry imports this package for its manifest, and need not load NumPy for that
    if name == "CharacterTokenizer":
        from ncps_hyena._tokenizer import CharacterTokenizer

        return CharacterTokenizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
