"""Who asks for which technology: arguments, `use`, `set_default`, environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from ncps.config import UnknownSettingError
from ncps.errors import unknown


class Wish(NamedTuple):
    """A technology or framework that was named, and by whom."""

    source: str
    technology: str | None
    framework: str | None

    @property
    def speaks(self) -> bool:
        """Does it name anything?"""
        return self.technology is not None or self.framework is not None

    def __str__(self) -> str:
        named = {"technology": self.technology, "framework": self.framework}
        words = ", ".join(f"{key}={word!r}" for key, word in named.items() if word is not None)
        return f"{self.source} ({words})"


class Environment(NamedTuple):
    """Our environment variables as they are at this moment."""

    discover: str | None
    technology: str | None
    priority: str | None

    def discovers(self) -> bool:
        """Is discovery on? It is unless NCPS_DISCOVER=0."""
        if self.discover not in (None, "", "0", "1"):
            raise UnknownSettingError(str(unknown("value of NCPS_DISCOVER", self.discover, "01")))
        return self.discover != "0"


# the innermost scope in front; threads start without it, asyncio tasks inherit it
_scopes: ContextVar[tuple[Wish, ...]] = ContextVar("ncps_use", default=())
_default: tuple[Wish, ...] = ()


def environment() -> Environment:
    """Read our environment variables; they may change between two calls."""
    get = os.environ.get
    return Environment(get("NCPS_DISCOVER"), get("NCPS_TECHNOLOGY"), get("NCPS_PRIORITY"))


def standing() -> tuple[Wish, ...]:
    """The wishes of `use` and `set_default`, the first that speaks in front."""
    return _scopes.get() + _default


def wishes(
    technology: str | None, framework: str | None, scopes: tuple[Wish, ...], env: Environment
) -> list[Wish]:
    """All wishes that speak, the first in front."""
    every = (
        Wish("argument", technology, framework),
        *scopes,
        Wish("NCPS_TECHNOLOGY", env.technology or None, None),
    )
    return [wish for wish in every if wish.speaks]


@contextmanager
def scope(technology: str | None, framework: str | None) -> Iterator[None]:
    """A `use` scope: in force until it is left, in this thread or task."""
    token = _scopes.set((Wish("ncps.use", technology, framework), *_scopes.get()))
    try:
        yield
    finally:
        _scopes.reset(token)


def set_process_default(technology: str | None, framework: str | None) -> None:
    """Replace the process-wide wish; naming nothing removes it."""
    global _default
    wish = Wish("ncps.set_default", technology, framework)
    _default = (wish,) if wish.speaks else ()
