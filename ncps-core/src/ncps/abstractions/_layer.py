"""Layers by name, their parameters between technologies, and their move to a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ncps import conversion, registry
from ncps.abstractions._gpu import GPUAbstraction
from ncps.specs import Spec


class _Names:
    """The technologies that can be used here, the first in rank in front, at this moment."""

    def __get__(self, instance: object, owner: type) -> tuple[str, ...]:
        names: Iterator[str] = (t.name for t in registry.technologies() if t.available)
        return tuple(dict.fromkeys(names))


class LayerAbstraction:
    """Layers from one technology, or from the one that is in use when they are made.

    ``LayerAbstraction("torch").create("CfC", input_size=3, units=8)``.
    """

    TECHNOLOGIES = _Names()

    def __init__(self, technology: str | None = None) -> None:
        self.technology = technology

    def create(self, layer: str | Spec, technology: str | None = None, **config: Any) -> Any:
        """A native layer; `technology` speaks before that of the object. As `ncps.create`."""
        return registry.create(layer, technology=technology or self.technology, **config)

    def get_optimal_technology(self, layer: str, **config: Any) -> str | None:
        """The technology that `create` would take, None if nobody can. As `ncps.explain`."""
        chosen = registry.explain(layer, technology=self.technology, **config).chosen
        return None if chosen is None else chosen.technology

    def get_active_technology(self) -> str:
        """The technology in use. Raises: PluginError when none can be used."""
        return registry.active().technology

    def convert_parameters(
        self, parameters: Mapping[str, Any], source: str, target: str, spec: Spec
    ) -> dict[str, Any]:
        """Native arrays of one technology as those of another. As `ncps.convert_parameters`."""
        return conversion.convert_parameters(parameters, source, target, spec)

    def to_device(self, layer: Any, device: Any) -> Any:
        """The same layer on a device. As `GPUAbstraction.move_layer`."""
        return GPUAbstraction().move_layer(layer, device)
