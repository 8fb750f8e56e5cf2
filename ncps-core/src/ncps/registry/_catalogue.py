"""Everything that one scan found, indexed for choosing."""

from __future__ import annotations

from collections.abc import Mapping

from ncps.errors import PluginError
from ncps.registry._manifest import Manifest
from ncps.registry._names import ALIASES, FRAMEWORKS, OURS, RESERVED
from ncps.registry._records import Origin, Problem, Provider, Technology, providers_of
from ncps.registry._requires import missing


class Catalogue:
    """The technologies, specs and problems of all manifests.

    `complete` is False when discovery was turned off: a name that is not here may well exist.
    """

    def __init__(
        self, manifests: tuple[Manifest, ...], problems: tuple[Problem, ...], *, complete: bool
    ) -> None:
        self.manifests = manifests
        self.problems = problems
        self.complete = complete
        self.technologies: tuple[Technology, ...] = tuple(
            t for manifest in manifests for t in manifest.technologies
        )
        usable = [t for t in self.technologies if t.refused is None]
        self.names = frozenset(t.name for t in usable)
        self.aliases = {
            alias: (t.name, t.framework) for t in reversed(usable) for alias in t.aliases
        }
        self.frameworks = FRAMEWORKS | {t.framework for t in usable}
        self.specs = _claims({m.origin: m.specs for m in manifests})
        self.checkpoints = _claims({m.origin: m.checkpoints for m in manifests})
        self.layers = frozenset(layer for t in usable for layer in t.layers) | self.specs.keys()
        self._providers: dict[str, list[Provider]] = {}
        for technology in self.technologies:
            for provider in providers_of(technology):
                self._providers.setdefault(provider.layer, []).append(provider)
        self.distributions = {m.origin.distribution for m in manifests}
        self.distributions |= {p.distribution for p in problems}
        self._missing: dict[tuple[str, ...], str | None] = {}

    def joined_by(self, manifest: Manifest) -> Catalogue:
        """The same with one manifest more."""
        return Catalogue((*self.manifests, manifest), self.problems, complete=self.complete)

    def lost(self, name: str) -> PluginError | None:
        """The error for a technology or layer that a plugin would bring, could it be read."""
        for p in self.problems:
            takes_ours = name in RESERVED | ALIASES.keys() and p.distribution not in OURS
            if p.dropped and name in {*p.names, p.distribution} and not takes_ours:
                error = PluginError(f"{name!r} comes from a plugin that cannot be used: {p}")
                error.__cause__ = p.error
                return error
        return None

    def providers(self, layer: str) -> tuple[Provider, ...]:
        """All providers of `layer`, refused ones too."""
        return tuple(self._providers.get(layer, ()))

    def missing(self, requires: tuple[str, ...]) -> str | None:
        """The first requirement that is not met, or None; each is looked up once."""
        if requires not in self._missing:
            reasons = (missing(text) for text in requires)
            self._missing[requires] = next((r for r in reasons if r), None)
        return self._missing[requires]


def _claims(tables: Mapping[Origin, Mapping[str, str]]) -> dict[str, list[tuple[Origin, str]]]:
    claims: dict[str, list[tuple[Origin, str]]] = {}
    for origin, table in tables.items():
        for name, target in table.items():
            claims.setdefault(name, []).append((origin, target))
    return claims
