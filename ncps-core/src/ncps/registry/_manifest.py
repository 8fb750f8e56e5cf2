"""The manifest of a plugin: TOML that says what it offers. Reading it runs no plugin code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ncps.errors import PluginError
from ncps.registry import _fields as fields
from ncps.registry._names import refusal
from ncps.registry._records import Origin, Problem, Technology
from ncps.registry._requires import check_requirement

SCHEMA = 1
API = 1

_TOP = ("schema", "api", "plugin", "technology", "specs", "references", "cases", "checkpoints")
_TECHNOLOGY = ("name", "framework", "priority", "requires", "devices", "aliases", "layers")


@dataclass(frozen=True)
class Manifest:
    """What one manifest declares; `problems` are things in it that were passed over."""

    origin: Origin
    technologies: tuple[Technology, ...]
    specs: Mapping[str, str]
    references: Mapping[str, str]
    cases: Mapping[str, str]
    checkpoints: Mapping[str, str]
    problems: tuple[Problem, ...]


def read_manifest(data: bytes, origin: Origin) -> Manifest:
    """Parse and check a manifest.

    Raises: PluginError naming the key, what was expected and what came.
    """
    try:
        table = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise PluginError(f"expected valid TOML, got: {error}") from error
    return manifest_of(table, origin)


def manifest_of(table: Mapping[str, Any], origin: Origin) -> Manifest:
    """Check the contents of a manifest.

    Raises: PluginError naming the key, what was expected and what came.
    """
    _check_version(table, "schema", SCHEMA)
    _check_version(table, "api", API)
    notes = fields.unknown_keys(table, _TOP, "")
    plugin = fields.text(table, "plugin", "", fields.MODULE, default=None)
    technologies: list[Technology] = []
    for index, entry in enumerate(fields.tables(table, "technology")):
        where = f"technology[{index}]."
        notes += fields.unknown_keys(entry, _TECHNOLOGY, where)
        technologies.append(_technology(entry, where, plugin, origin))
    _check_unique(technologies)
    return Manifest(
        origin,
        tuple(technologies),
        fields.mapping(table, "specs", "", fields.NAME, fields.TARGET),
        fields.mapping(table, "references", "", fields.NAME, fields.TARGET),
        fields.mapping(table, "cases", "", fields.NAME, fields.TARGET),
        fields.mapping(table, "checkpoints", "", fields.NAME, fields.TARGET),
        tuple(problem(origin, note, dropped=False) for note in notes),
    )


def names_in(data: bytes) -> frozenset[str]:
    """The technologies, aliases and layers that a manifest names, though it cannot be used."""
    try:
        table = tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        return frozenset()
    entries = table.get("technology")
    entries = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    found: list[object] = [table.get("specs"), *(e.get("name") for e in entries)]
    found += [e.get(key) for e in entries for key in ("aliases", "layers")]
    texts = [[f] if isinstance(f, str) else f for f in found if isinstance(f, str | list | dict)]
    return frozenset(name for names in texts for name in names if isinstance(name, str))


def problem(
    origin: Origin,
    text: str,
    *,
    dropped: bool = True,
    names: frozenset[str] = frozenset(),
    error: Exception | None = None,
) -> Problem:
    """A problem with the manifest of `origin`."""
    o = origin
    return Problem(o.distribution, o.version, str(o.manifest), text, dropped, names, error)


def _check_version(table: Mapping[str, Any], key: str, known: int) -> None:
    value = table.get(key)
    if value == known and not isinstance(value, bool):
        return
    got = "nothing" if value is None else repr(value)
    remedy = f" It needs a newer ncps that reads {key} {value}." if _newer(value, known) else ""
    raise PluginError(f"{key}: expected {known}, got {got}.{remedy}")


def _newer(value: object, known: int) -> bool:
    return isinstance(value, int) and value > known


def _technology(
    entry: Mapping[str, Any], where: str, plugin: str | None, origin: Origin
) -> Technology:
    name = fields.required_text(entry, "name", where, fields.NAME)
    framework = fields.required_text(entry, "framework", where, fields.NAME)
    aliases = fields.texts(entry, "aliases", where, fields.NAME)
    requires = fields.texts(entry, "requires", where)
    for index, requirement in enumerate(requires):
        check_requirement(requirement, f"{where}requires[{index}]")
    priority = fields.priority(entry, where)
    layers = fields.mapping(entry, "layers", where, fields.NAME, fields.TARGET)
    if not layers:
        raise PluginError(f"{where}layers: expected at least one layer = 'module:Class', got none")
    refused = refusal(origin.distribution, name, framework, aliases)
    if priority is None and refused is None:
        refused = "it declares no priority for this platform"
    return Technology(
        name=name,
        framework=framework,
        priority=0 if priority is None else priority,
        layers=layers,
        plugin=plugin,
        requires=requires,
        devices=fields.texts(entry, "devices", where, fields.NAME),
        aliases=aliases,
        origin=origin,
        refused=refused,
    )


def _check_unique(technologies: list[Technology]) -> None:
    seen: set[tuple[str, str]] = set()
    for index, t in enumerate(technologies):
        if (t.name, t.framework) in seen:
            raise PluginError(
                f"technology[{index}]: {t.name!r} on {t.framework!r} is declared twice; "
                "expected one table with all its layers"
            )
        seen.add((t.name, t.framework))
