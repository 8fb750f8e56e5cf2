"""Everything that is installed, and whether it can be used; nothing is imported for it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ncps
from ncps.config import Settings
from ncps.errors import NcpsError, unknown
from ncps.registry._catalogue import Catalogue
from ncps.registry._plan import check_wish
from ncps.registry._problems import problems, trial, unusable
from ncps.registry._ranking import check_names
from ncps.registry._records import Problem
from ncps.registry._services import by_rank
from ncps.registry._state import State, state
from ncps.registry._wishes import Environment, environment

_VARIABLES = ("NCPS_TECHNOLOGY", "NCPS_PRIORITY", "NCPS_DISCOVER")


@dataclass(frozen=True)
class TechnologyInfo:
    """One technology on one framework. `reason` says why it is not `available`, if so."""

    name: str
    framework: str
    priority: float
    layers: tuple[str, ...]
    devices: tuple[str, ...]
    aliases: tuple[str, ...]
    distribution: str
    version: str
    path: str
    available: bool
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}


@dataclass(frozen=True)
class Overview:
    """The state of discovery: technologies, problems, config and environment."""

    version: str
    python: str
    platform: str
    technologies: tuple[TechnologyInfo, ...]
    problems: tuple[Problem, ...]
    config: tuple[str, ...]
    environment: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "ncps": self.version,
            "python": self.python,
            "platform": self.platform,
            "config": list(self.config),
            "environment": self.environment,
            "technologies": [t.to_dict() for t in self.technologies],
            "problems": [p.to_dict() for p in self.problems],
        }


def technologies() -> list[TechnologyInfo]:
    """All installed technologies by declared priority, usable or not. Imports none of them.

    Raises: ConfigError for a config that cannot be read.
    """
    now = state()
    return _infos(now.catalogue(discover=environment().discovers()), now.settings(), now)


def overview(*, load: bool = False) -> Overview:
    """What `ncps doctor` shows; a config that cannot be followed is a problem here, no error.

    Nothing is imported for it; with `load`, every plugin is, and its layers are tried.
    """
    now, env = state(), environment()
    catalogue = now.catalogue(discover=env.discover != "0")
    settings, unsettled = _settings(now, env, catalogue)
    followed = Settings(()) if unsettled else settings
    if load:
        trial(catalogue, followed, now)
    found = problems(catalogue, followed, Environment(None, None, None) if unsettled else env, now)
    return Overview(
        version=ncps.__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        technologies=tuple(_infos(catalogue, settings, now)),
        problems=(*unsettled, *catalogue.problems, *found, *_notes(settings, catalogue)),
        config=tuple(file.path for file in settings.files),
        environment={k: os.environ[k] for k in _VARIABLES if k in os.environ},
    )


def _settings(now: State, env: Environment, catalogue: Catalogue) -> tuple[Settings, list[Problem]]:
    settings = Settings(())
    try:
        env.discovers()
        settings = now.settings()
        check_names(env, settings, catalogue)
        check_wish(env, catalogue)
    except NcpsError as error:
        return settings, [_note("config", str(error), dropped=True)]
    return settings, []


def _notes(settings: Settings, catalogue: Catalogue) -> Iterator[Problem]:
    """What is said without effect: variables of nearly our names, distributions that are absent."""
    for variable in sorted(name for name in os.environ if name.startswith("NCPS_")):
        if variable not in _VARIABLES:
            yield _note("environment", str(unknown("variable", variable, _VARIABLES)))
    for file in settings.files if catalogue.complete else ():
        for key, names in (("allow", file.allow), ("deny", file.deny)):
            for name in sorted((names or frozenset()) - catalogue.distributions):
                yield _note(file.path, f"{key} names {name!r}, but no such plugin is installed")


def _note(where: str, text: str, *, dropped: bool = False) -> Problem:
    return Problem("ncps", ncps.__version__, where, text, dropped)


def _infos(catalogue: Catalogue, settings: Settings, now: State) -> list[TechnologyInfo]:
    infos: list[TechnologyInfo] = []
    for t in by_rank(catalogue.technologies):
        reason = unusable(t, catalogue, settings, now)
        infos.append(
            TechnologyInfo(
                name=t.name,
                framework=t.framework,
                priority=t.priority,
                layers=tuple(t.layers),
                devices=t.devices,
                aliases=t.aliases,
                distribution=t.distribution,
                version=t.origin.version,
                path=str(t.origin.manifest),
                available=reason is None,
                reason=reason,
            )
        )
    return infos
