"""Technologies that code registers while it runs, held to the rules of those that are installed.

They come from the distribution ``registered``, so that `allow` and `deny` know them too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ncps
from ncps.errors import PluginError
from ncps.registry._manifest import API, SCHEMA, Manifest, manifest_of
from ncps.registry._outcome import described, fetch
from ncps.registry._records import Origin

ORIGIN = Origin("registered", ncps.__version__, Path("registered in this process"))

# by technology and framework, as the tables of a manifest
_tables: dict[tuple[str, str], dict[str, Any]] = {}


def added() -> Manifest | None:
    """A manifest of all that is registered now, or None."""
    return _manifest(_tables.values()) if _tables else None


def table(
    technology: str,
    framework: str,
    layers: Mapping[str, Callable[..., Any] | str],
    priority: float,
    requires: Sequence[str],
    devices: Sequence[str],
) -> dict[str, Any]:
    """The manifest's table of one technology, checked.

    Raises: PluginError for what a manifest may not say either, for a name that is ours, and for a
    factory that cannot be imported by a name.
    """
    entry = {
        "name": technology,
        "framework": framework,
        "priority": priority,
        "requires": list(requires),
        "devices": list(devices),
        "layers": {name: target_of(factory) for name, factory in layers.items()},
    }
    (checked,) = _manifest([entry]).technologies
    if checked.refused is not None:
        raise PluginError(f"technology {technology!r} cannot be registered: {checked.refused}.")
    return entry


def put(entry: dict[str, Any]) -> None:
    """Add a table; its layers join those of the same technology on the same framework.

    Raises: PluginError for a layer that is registered there already.
    """
    key = (entry["name"], entry["framework"])
    before = _tables.get(key)
    if before is None:
        _tables[key] = entry
        return
    twice = sorted(before["layers"].keys() & entry["layers"].keys())
    if twice:
        raise PluginError(
            f"technology {key[0]!r} on {key[1]!r} has {', '.join(twice)} already. Unregister it "
            "first."
        )
    _tables[key] = {**entry, "layers": {**before["layers"], **entry["layers"]}}


def remove(technology: str, framework: str | None) -> None:
    """Take a technology out, on one framework or on all.

    Raises: PluginError when it is not registered.
    """
    keys = [k for k in _tables if k[0] == technology and framework in (None, k[1])]
    if not keys:
        known = ", ".join(f"{name!r} on {where!r}" for name, where in _tables) or "none"
        where = "" if framework is None else f" on {framework!r}"
        raise PluginError(
            f"technology {technology!r}{where} is not registered. Registered: {known}."
        )
    for key in keys:
        del _tables[key]


def target_of(factory: Callable[..., Any] | str) -> str:
    """``module:Name`` of a class or function, by which it is found again.

    Raises: PluginError for one that has no such name, as one made inside a function.
    """
    if isinstance(factory, str):
        return factory
    module = getattr(factory, "__module__", None)
    target = f"{module}:{getattr(factory, '__qualname__', None)}"
    try:
        found = fetch(target) if module in sys.modules else None
    except (AttributeError, ImportError) as error:
        raise _unnamed(factory) from error
    except Exception as error:  # a module may run code when a name is looked up
        raise PluginError(f"looking up {target!r} failed: {described(error)}.") from error
    if found is not factory:
        raise _unnamed(factory)
    return target


def _unnamed(factory: object) -> PluginError:
    return PluginError(
        f"register expected a class or function at the top of a module, or its name "
        f"'module:Class', got {factory!r}. Layers are made, saved and explained by that name."
    )


def _manifest(tables: Any) -> Manifest:
    whole = {"schema": SCHEMA, "api": API, "technology": list(tables)}
    return manifest_of(whole, ORIGIN)
