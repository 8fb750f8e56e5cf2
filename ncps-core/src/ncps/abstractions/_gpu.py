"""The devices of a framework, and the way of arrays and layers to them."""

from __future__ import annotations

from typing import Any

from ncps import canonical, conversion, registry
from ncps.abstractions._frameworks import functions_of


class GPUAbstraction:
    """Devices of one framework, or of the one in use."""

    def __init__(self, framework: str | None = None) -> None:
        self._framework = framework

    @property
    def framework(self) -> str:
        """The framework's name."""
        return self._framework or registry.active().framework

    def devices(self) -> list[str]:
        """The devices of this machine in the framework's words, its own default first."""
        found = registry.hooks(self.framework).ncps_devices(framework=self.framework)
        return list(found or ["cpu"])

    def get_default_device(self) -> str:
        """The first accelerator, else the processor."""
        here = self.devices()
        return next((name for name in here if name != "cpu"), here[0])

    def to_device(self, array: Any, device: Any) -> Any:
        """The array's values on a device of its own framework.

        In MLX a device belongs to an operation: there it is the array itself.

        Raises: UnknownNameError for a device that the framework has not; PluginError for one that
        this machine has not.
        """
        return functions_of(array).to_device(array, device)

    def move_layer(self, layer: Any, device: Any) -> Any:
        """A layer with the same parameters on a device; the given one is left where it is.

        Raises: as `to_device`; ConversionError for what `ncps.convert` cannot convert.
        """
        if not isinstance(layer, canonical.Layer):
            where = canonical.framework_of(layer) or self.framework
            return conversion.convert(layer, framework=where, device=device, verify=False)
        provider = registry.provider_of(layer)
        word = None if provider is None else f"{provider.distribution}:{provider.technology}"
        where = layer.framework
        return conversion.convert(layer, word, where, device=device, verify=False)
