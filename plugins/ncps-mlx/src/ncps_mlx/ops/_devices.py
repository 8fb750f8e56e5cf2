"""Devices. In MLX a device belongs to an operation, not to an array or a layer."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import mlx.core as mx

from ncps.errors import PluginError, unknown

_DEVICES = {"cpu": mx.cpu, "gpu": mx.gpu}


def available_devices() -> list[str]:
    """Names of the devices that MLX can run on here, its default first."""
    names = [name for name, device in _DEVICES.items() if mx.is_available(device)]
    return sorted(names, key=lambda name: mx.default_device() != mx.Device(_DEVICES[name], 0))


def check_device(name: str | None) -> str | None:
    """`name` if MLX can run on it here; None stands for MLX's default device.

    Raises: UnknownNameError for a name that MLX does not have; PluginError for a device that
    this machine or this build of MLX does not have.
    """
    if name is None:
        return None
    if name not in _DEVICES:
        raise unknown("MLX device", name, _DEVICES)
    if not mx.is_available(_DEVICES[name]):
        raise PluginError(
            f"MLX expected one of the devices that it has here, {available_devices()}, got "
            f"{name!r}. Leave device out, or install MLX's Metal (macOS) or CUDA build."
        )
    return name


def on_device(name: str | None) -> AbstractContextManager[Any]:
    """Within this context operations run on the device; None changes nothing."""
    return nullcontext() if name is None else mx.stream(_DEVICES[name])
