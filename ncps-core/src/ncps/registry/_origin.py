"""Which provider a layer came from: its class says it, whoever made it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ncps.registry._records import Provider
from ncps.registry._state import state
from ncps.registry._wishes import environment

if TYPE_CHECKING:
    from ncps.canonical import Layer


def provider_of(layer: Layer) -> Provider | None:
    """The installed provider whose class the layer is an instance of, or None.

    A face such as `ncps.torch.CfC` is a subclass of its provider's class; one that cannot be, as
    `ncps.keras.CfC`, which has to be Keras' own RNN, names that class as `stands_for`.
    """
    catalogue = state().catalogue(discover=environment().discovers())
    offered = {}
    for provider in catalogue.providers(layer.spec.layer):
        if provider.framework == layer.framework and provider.refused is None:
            offered[_imported(provider.target)] = provider
    classes = (*type(layer).__mro__, getattr(layer, "stands_for", None))
    return next((offered[cls] for cls in classes if cls in offered), None)


def _imported(target: str) -> Any:
    """What ``module:Name`` names, if that module has been imported: a layer's has been."""
    module, _, name = target.partition(":")
    return getattr(sys.modules.get(module), name, None)
