"""The cases of a plugin's own layers, which its manifest names under [cases]."""

from __future__ import annotations

from dataclasses import dataclass

from ncps import specs
from ncps.errors import PluginError
from ncps.testing._cases import Case


@dataclass(frozen=True)
class LayerCases:
    """What the kit tries of a layer.

    `broad` has every option and awkward size once: values and gradients are compared on these.
    `small` has a few small layers that differ in how they keep state, for checks of behaviour;
    the first one is the plainest.
    """

    broad: tuple[Case, ...]
    small: tuple[Case, ...]


def of_plugin(layer: str) -> LayerCases:
    """The cases of a plugin's layer.

    Raises: UnknownNameError for a layer that nobody brings; PluginError when its plugin names no
    cases, or they cannot be loaded.
    """
    specs.get(layer)
    entry = specs.added(layer)
    if entry is None or entry.cases is None:
        raise PluginError(
            f"the conformance kit expected cases for the layer {layer!r}, got none. Name an "
            "ncps.testing.LayerCases under [cases] in the manifest that brings its spec."
        )
    found: LayerCases = specs.load_target(f"the cases of {layer}", entry.cases, LayerCases)
    return found
