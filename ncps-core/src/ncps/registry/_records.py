"""What discovery finds: technologies, their providers, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Origin:
    """The distribution that a manifest came with, where it lies, and its entry point's name."""

    distribution: str
    version: str
    manifest: Path
    entry: str = ""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True)
class Technology:
    """A named source of layers on one framework, as its manifest declares it.

    `priority` is the one for this machine. `refused` says why it must not be used, if so.
    """

    name: str
    framework: str
    priority: float
    layers: Mapping[str, str]
    plugin: str | None
    requires: tuple[str, ...]
    devices: tuple[str, ...]
    aliases: tuple[str, ...]
    origin: Origin
    refused: str | None = None

    @property
    def distribution(self) -> str:
        """Name of the distribution that brings it."""
        return self.origin.distribution


@dataclass(frozen=True)
class Provider:
    """One (technology, framework, layer), and where it comes from."""

    technology: str
    framework: str
    layer: str
    target: str
    priority: float
    plugin: str | None
    distribution: str
    version: str
    manifest: Path
    requires: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    refused: str | None = None

    def __str__(self) -> str:
        return f"{self.technology} on {self.framework} ({self.distribution} {self.version})"


@dataclass(frozen=True)
class Problem:
    """Something in a distribution's plugin that cannot be used, or was not understood.

    `dropped` is False when the plugin works all the same, as with a key that is not known. `names`
    are the technologies and layers that are missing for it, as far as they can be told.
    """

    distribution: str
    version: str
    path: str
    text: str
    dropped: bool = True
    names: frozenset[str] = frozenset()
    error: Exception | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return " ".join(f"{self.distribution} {self.version}: {self.path}: {self.text}".split())

    def to_dict(self) -> dict[str, Any]:
        """What it says, as JSON values."""
        keys = ("distribution", "version", "path", "text", "dropped")
        return {key: getattr(self, key) for key in keys}


class PluginWarning(RuntimeWarning):
    """A plugin that ranked first could not be used, and the next one was taken."""


def providers_of(technology: Technology) -> tuple[Provider, ...]:
    """One provider for each layer of `technology`."""
    t = technology
    return tuple(
        Provider(
            technology=t.name,
            framework=t.framework,
            layer=layer,
            target=target,
            priority=t.priority,
            plugin=t.plugin,
            distribution=t.origin.distribution,
            version=t.origin.version,
            manifest=t.origin.manifest,
            requires=t.requires,
            devices=t.devices,
            aliases=t.aliases,
            refused=t.refused,
        )
        for layer, target in t.layers.items()
    )
