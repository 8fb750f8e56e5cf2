"""The hooks of this plugin; importing it imports no framework."""

from __future__ import annotations

from typing import Any

from ncps import registry
from ncps.errors import PluginError


def ncps_probe(technology: str, framework: str) -> list[str] | str | None:
    """The devices that the framework can use here, or why it cannot run."""
    if framework == "numpy":
        return ["cpu"]
    try:
        lent: Any = registry.toolkit(framework)
    except PluginError as error:
        return str(error)
    devices: list[str] = lent.available_devices()
    return devices
