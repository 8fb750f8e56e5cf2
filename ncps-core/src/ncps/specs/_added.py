"""The specs that plugins bring, and where what belongs to them is."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

from ncps.errors import PluginError
from ncps.specs._base import Spec


class Added(NamedTuple):
    """A plugin's spec, and where its float64 meaning and the conformance kit's cases are.

    `reference` and `cases` are ``"module:name"``; None where the plugin names none.
    """

    spec: type[Spec]
    reference: str | None = None
    cases: str | None = None


ADDED: dict[str, Added] = {}


def added(layer: str) -> Added | None:
    """What a plugin registered under a layer name, or None."""
    return ADDED.get(layer)


def load_target(what: str, target: str, kind: type | tuple[type, ...]) -> Any:
    """The object at ``"module:name"``; `what` is said in errors.

    Raises: PluginError when it cannot be loaded, or is of another kind.
    """
    module, _, name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"loading {what} {target!r} failed: {error}.") from error
    if not isinstance(found, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(f"{k.__module__}.{k.__qualname__}" for k in kinds)
        raise PluginError(f"expected {what} {target!r} to be a {wanted}, got {found!r}.")
    return found
