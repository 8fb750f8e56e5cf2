"""The technology and framework in use: what a call would take that names neither."""

from __future__ import annotations

from dataclasses import dataclass

from ncps.errors import PluginError
from ncps.registry._plan import in_use, selectors
from ncps.registry._ranking import ranking
from ncps.registry._records import Technology, providers_of
from ncps.registry._services import usable_reason
from ncps.registry._state import state
from ncps.registry._wishes import environment, standing, wishes


@dataclass(frozen=True)
class Active:
    """A technology on a framework, and the source that named or ranked it."""

    technology: str
    framework: str
    source: str


def active() -> Active:
    """The technology that `use`, `set_default`, environment or config put first, if it is usable.

    What single layers have in the config's ``[layers]`` is passed over. Nothing is imported.

    Raises: as a choice for names that are not known; PluginError when nothing can be used.
    """
    now, env = state(), environment()
    catalogue, settings = now.catalogue(discover=env.discovers()), now.settings()
    asked = tuple(wishes(None, None, standing(), env))
    named = selectors(asked, catalogue)
    order = ranking("", env, settings, catalogue)
    later = in_use(asked, named)
    found: list[tuple[tuple[object, ...], Technology]] = []
    reasons: list[str] = []
    for technology in catalogue.technologies:
        one = providers_of(technology)[0]
        if named and not named[0].matches(one):
            continue
        reason = usable_reason(technology, catalogue, settings)
        if reason is None:
            found.append(((*(not s.matches(one) for s in later), *order.key(one)), technology))
        else:
            reasons.append(f"{one}: {reason}")
    who = str(asked[0]) if asked else order.source
    if not found:
        why = "; ".join(reasons) or "no such technology is installed"
        raise PluginError(f"no technology can be used ({who}). {why}.")
    first = min(found, key=lambda pair: pair[0])[1]
    return Active(first.name, first.framework, who)
