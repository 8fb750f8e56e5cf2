"""What keeps an installed technology from being used, beside a manifest that cannot be read.

Nothing is imported to find out, unless `trial` is called.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ncps.config import Settings
from ncps.errors import NcpsError
from ncps.registry._catalogue import Catalogue
from ncps.registry._choice import unsupported
from ncps.registry._names import refusal
from ncps.registry._outcome import Failed, described, let_through, not_a_layer
from ncps.registry._plan import Question, barred, make_plan
from ncps.registry._records import Problem, Provider, Technology
from ncps.registry._requires import NOT_INSTALLED, locate
from ncps.registry._services import usable_reason
from ncps.registry._state import State
from ncps.registry._wishes import Environment

if TYPE_CHECKING:
    from ncps.specs import Spec


def problems(
    catalogue: Catalogue, settings: Settings, env: Environment, now: State
) -> tuple[Problem, ...]:
    """One for each cause, however many layers it takes; none for what the config bars.

    A distribution that serves several frameworks works with one of them: that the others are not
    installed is none.
    """
    found = [*_conflicts(catalogue, settings, env)]
    for t in catalogue.technologies:
        taken = refusal(t.distribution, t.name, t.framework, t.aliases)
        told = unusable(t, catalogue, settings, now) if barred(t, settings) is None else taken
        if told is not None and not _served_elsewhere(t, told, catalogue, settings, now):
            text = f"{t.name!r} on {t.framework!r}: {told}"
            found.append(Problem(t.distribution, t.origin.version, str(t.origin.manifest), text))
    return tuple(dict.fromkeys(found))


def _served_elsewhere(
    t: Technology, told: str, catalogue: Catalogue, settings: Settings, now: State
) -> bool:
    """Whether only something absent keeps `t` from being used, and its distribution is of use."""
    if told != catalogue.missing(t.requires) or not told.endswith(NOT_INSTALLED):
        return False
    others = [o for o in catalogue.technologies if o.distribution == t.distribution]
    return any(unusable(other, catalogue, settings, now) is None for other in others)


def unusable(t: Technology, catalogue: Catalogue, settings: Settings, now: State) -> str | None:
    """Why a technology cannot be used here, as far as can be told without importing it."""
    reason = usable_reason(t, catalogue, settings)
    if reason is not None:
        return reason
    modules = dict.fromkeys(target.partition(":")[0] for target in t.layers.values())
    for module in [*filter(None, [t.plugin]), *modules]:
        if module not in sys.modules and locate(module) is None:
            return f"expected a module {module!r}, found none"
    failed = _failure(t, now)
    return f"{failed.step}: {failed.reason}" if failed else None


def trial(catalogue: Catalogue, settings: Settings, now: State) -> None:
    """Import every plugin that may be used, and make one small layer of each of its kinds.

    A failure is remembered as if the layer had been asked for.
    """
    for layer in sorted(catalogue.layers):
        for provider in catalogue.providers(layer):
            usable = barred(provider, settings) is None and not catalogue.missing(provider.requires)
            failed = _tried(provider, now) if usable else None
            if failed is not None:
                now.disqualify(provider, None, failed)


def _failure(t: Technology, now: State) -> Failed | None:
    plugin = now.plugins.get(t.plugin)
    if isinstance(plugin, Failed):
        return plugin
    for (p, device), failed in now.failures.items():
        same = (p.manifest, p.technology, p.framework) == (t.origin.manifest, t.name, t.framework)
        if same and device is None:
            return failed
    return None


def _conflicts(catalogue: Catalogue, settings: Settings, env: Environment) -> Iterator[Problem]:
    """One for each technology that two distributions claim, while the config does not say which."""
    seen: set[tuple[str, str]] = set()
    for layer in sorted(catalogue.layers):
        candidates = make_plan(Question(layer, (), None, env), catalogue, settings).candidates
        decided = {
            (c.provider.technology, c.provider.framework)
            for c in candidates
            if c.dropped not in ("conflict", "config", "manifest")
        }
        for c in candidates:
            p = c.provider
            key = (p.technology, p.framework)
            if c.dropped == "conflict" and key not in decided | seen:
                seen.add(key)
                yield Problem(p.distribution, p.version, str(p.manifest), c.reason or "")


def _smallest(spec: type[Spec]) -> dict[str, int]:
    """The sizes of a small layer, of those that such a layer has."""
    sizes = {"units": 1, "input_size": 1} if spec.sized else {"units": 1}
    return {name: size for name, size in sizes.items() if name in spec.__dataclass_fields__}


def _tried(provider: Provider, now: State) -> Failed | None:
    from ncps import specs
    from ncps.registry._plugins import load

    loaded = load(provider, None, now)
    if isinstance(loaded, Failed) or provider.layer not in specs.BUILTIN:
        return loaded if isinstance(loaded, Failed) else None
    try:
        spec = specs.build(provider.layer, **_smallest(specs.get(provider.layer)))
    except NcpsError:  # a layer that needs more to be described
        return None
    refused = unsupported(loaded, spec) if loaded.supports is not None else None
    if refused is not None:  # so small a layer need not be supported, but to ask must not fail
        return refused if refused.cause is not None else None
    try:
        return not_a_layer(loaded.factory(spec, seed=0, dtype=None, device=None))
    except NcpsError:  # its own way to say that it does not support this
        return None
    except BaseException as error:
        let_through(error)
        return Failed("create", f"making {spec} failed: {described(error)}", error)
