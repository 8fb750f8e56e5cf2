"""What became of a provider that was tried: loaded, or failed. Light: it imports no pluggy."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from ncps.errors import PluginError
from ncps.registry._records import Provider

Hook = Callable[..., Any]


@dataclass(frozen=True)
class Failed:
    """A provider that cannot be used: at which step, why, and what was raised, if anything was."""

    step: str
    reason: str
    cause: BaseException | None = None


@dataclass(frozen=True)
class Loaded:
    """A provider that can be used: its factory, and the hooks that it has."""

    provider: Provider
    factory: Callable[..., Any]
    supports: Hook | None
    created: Hook | None


def call(hook: Hook, **arguments: Any) -> Any:
    """Call a hook of a plugin.

    Raises: PluginError from whatever the hook raises.
    """
    try:
        return hook(**arguments)
    except BaseException as error:
        let_through(error)
        raise PluginError(f"its hook failed: {described(error)}") from error


def not_a_layer(made: object) -> Failed | None:
    """What is wrong with the object that a factory returned, or None for a layer.

    Every layer can be called and keeps its spec; the conformance kit checks all the rest.
    """
    if callable(made) and hasattr(made, "spec") and not isinstance(made, type):
        return None
    return Failed(
        "create",
        "expected its factory to return a layer, which can be called and has a spec, "
        f"got {type(made).__name__!r}",
    )


def fetch(target: str) -> Any:
    """Import and return what ``module:Name`` names; raises whatever that raises."""
    module, _, name = target.partition(":")
    return attrgetter(name)(importlib.import_module(module))


def let_through(error: BaseException) -> None:
    """Raise again what is no failure of a plugin: an interrupt, a closed generator or task.

    All else that a plugin raises counts as its failure, whatever class it comes from.
    """
    # whoever raises asyncio's has imported it; ncps does not
    asyncio = sys.modules.get("asyncio.exceptions")
    cancelled = () if asyncio is None else (asyncio.CancelledError,)
    if isinstance(error, (KeyboardInterrupt, GeneratorExit, *cancelled)):
        raise error


def described(error: BaseException) -> str:
    """An exception as ``Type: text``."""
    try:
        text = str(error)
    except Exception:  # an exception of a plugin may be broken itself
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
