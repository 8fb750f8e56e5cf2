"""Everything that is installed, and whether it can be used; nothing is imported for it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Any

import ncps
from ncps.config import Settings
from ncps.errors import ConfigError
from ncps.registry._catalogue import Catalogue
from ncps.registry._outcome import Failed
from ncps.registry._ranking import check_names
from ncps.registry._records import Problem
from ncps.registry._services import by_rank, usable_reason
from ncps.registry._state import State, state
from ncps.registry._wishes import environment

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
            "problems": [dict(vars(p)) for p in self.problems],
        }


def technologies() -> list[TechnologyInfo]:
    """All installed technologies by declared priority, usable or not. Imports none of them.

    Raises: ConfigError for a config that cannot be read.
    """
    now = state()
    return _infos(now.catalogue(discover=environment().discovers()), now.settings(), now)


def overview() -> Overview:
    """What `ncps doctor` shows; a config that cannot be followed is a problem here, no error."""
    now, env = state(), environment()
    settings, problems = Settings(()), []
    catalogue = now.catalogue(discover=env.discover != "0")
    try:
        env.discovers()
        settings = now.settings()
        check_names(env, settings, catalogue)
    except ConfigError as error:
        problems.append(Problem("ncps", ncps.__version__, "config", str(error)))
    return Overview(
        version=ncps.__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        technologies=tuple(_infos(catalogue, settings, now)),
        problems=(*problems, *catalogue.problems),
        config=tuple(file.path for file in settings.files),
        environment={k: os.environ[k] for k in _VARIABLES if k in os.environ},
    )


def _infos(catalogue: Catalogue, settings: Settings, now: State) -> list[TechnologyInfo]:
    infos: list[TechnologyInfo] = []
    for t in by_rank(catalogue.technologies):
        reason = usable_reason(t, catalogue, settings)
        failed = now.plugins.get(t.plugin)
        if reason is None and isinstance(failed, Failed):
            reason = failed.reason
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
