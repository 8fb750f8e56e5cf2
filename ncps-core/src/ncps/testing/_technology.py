"""From the name of an installed technology to the subjects that the checks need."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ncps import registry
from ncps.canonical import load
from ncps.errors import PluginError, unknown
from ncps.registry import Provider, TechnologyInfo
from ncps.registry._state import state
from ncps.registry._words import both
from ncps.specs import Spec
from ncps.testing._plugin_cases import of_plugin
from ncps.testing._subject import Subject
from ncps.testing._variants import known_layers

Gaps = Mapping[tuple[str, str], str]


def installed(technology: str, framework: str | None = None) -> list[TechnologyInfo]:
    """The technologies that a word of the command line means; ``mlx`` is all that is on MLX.

    Raises: UnknownNameError for a name that means nothing; PluginError when it means something
    that cannot be used here.
    """
    selector = both(technology, framework, state().catalogue(discover=True))
    found = [
        info
        for info in registry.technologies()
        if selector.technology in (None, info.name)
        and selector.framework in (None, info.framework)
        and selector.distribution in (None, info.distribution)
    ]
    if not found:
        raise PluginError(
            f"technology {technology!r} is known but not installed. `ncps doctor` shows what is."
        )
    return [usable(info) for info in found]


def exactly(technology: str, framework: str) -> TechnologyInfo:
    """The installed technology of this name on this framework.

    Raises: UnknownNameError when there is none; PluginError when it cannot be used here.
    """
    found = {(info.name, info.framework): info for info in registry.technologies()}
    if (technology, framework) not in found:
        names = [" on ".join(key) for key in found]
        raise unknown("technology", f"{technology} on {framework}", names)
    return usable(found[technology, framework])


def usable(info: TechnologyInfo) -> TechnologyInfo:
    """The same technology; PluginError with the reason when it cannot be used here."""
    if not info.available:
        raise PluginError(f"{info.name} on {info.framework} cannot be used here: {info.reason}.")
    return info


def layers_of(info: TechnologyInfo, layers: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The layers to check: those named, else all that the technology offers.

    Raises: UnknownNameError for one that it does not offer; PluginError for one of a plugin whose
    manifest names no cases for the kit.
    """
    for layer in layers or ():
        if layer not in info.layers:
            raise unknown(f"layer of {info.name} on {info.framework}", layer, info.layers)
    chosen = info.layers if layers is None else layers
    for layer in set(chosen) - set(known_layers()):
        registry.plugin_spec(layer)
        of_plugin(layer)
    return chosen


def subject(info: TechnologyInfo, layer: str) -> Subject:
    """One layer type of an installed technology, made through the registry."""
    word: dict[str, Any] = {"technology": _word(info), "framework": info.framework}
    provider = registry.select(layer, **word)
    return Subject(
        layer=layer,
        factory=registry.load(provider),
        arrays=registry.arrays(info.framework),
        technology=info.name,
        supports=partial(_refusal, provider),
        create=partial(registry.create, **word),
        loader=partial(_load, word),
        modules=_modules(provider),
    )


def declared_gaps(info: TechnologyInfo) -> Gaps:
    """The gaps that a technology's plugin declares for it, in CONFORMANCE_GAPS of its module."""
    provider = registry.select(info.layers[0], technology=_word(info), framework=info.framework)
    if provider.plugin is None:
        return {}
    module = importlib.import_module(provider.plugin)
    gaps: Gaps = getattr(module, "CONFORMANCE_GAPS", {}).get(info.name, {})
    return gaps


def _word(info: TechnologyInfo) -> str:
    """A word for this technology alone: `mlx` would mean any layer on MLX, ours first."""
    return f"{info.distribution}:{info.name}"


def _load(word: dict[str, Any], path: Path) -> Any:
    return load(path, **word)


def _refusal(provider: Provider, spec: Spec) -> str | None:
    supports = registry.hooks(provider).ncps_supports
    if not supports.get_hookimpls():
        return None
    names = {"technology": provider.technology, "framework": provider.framework}
    refused: str | None = supports(spec=spec, **names)
    return refused


def _modules(provider: Provider) -> tuple[str, ...]:
    """The plugin's and the framework's modules: top-level, unless that is the core itself."""
    names = [provider.target.partition(":")[0], provider.plugin or ""]
    modules = {name if name.startswith("ncps.") else name.partition(".")[0] for name in names}
    modules |= {re.split(r"[^\w]", text)[0] for text in provider.requires}
    return tuple(sorted(modules - {""}))
