"""Devices in Keras' words: cpu, gpu:0, mps, tpu:0, on whatever back end."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras

from ncps.errors import PluginError, unknown
from ncps_keras.backends import NAME, xp

KINDS = ("cpu", "gpu", "mps", "tpu")


def available_devices() -> list[str]:
    """Names of the devices that Keras can run on here, its default first."""
    found: list[str] = xp.devices()
    return found


def check_device(name: str | None) -> str | None:
    """`name` if Keras can run on it here; None stands for Keras' own choice.

    Raises: UnknownNameError for a name that Keras does not have; PluginError for a device that
    this machine does not have.
    """
    if name is None:
        return None
    kind = name.partition(":")[0]
    if kind not in KINDS:
        raise unknown("Keras device", name, KINDS)
    here = available_devices()
    if name not in here and kind not in {device.partition(":")[0] for device in here}:
        raise PluginError(
            f"Keras on {NAME} expected one of the devices that it has here, {here}, got {name!r}. "
            "Leave device out, or install the back end for that device."
        )
    return name


def on_device(name: str | None) -> AbstractContextManager[Any]:
    """Within this context operations run on the device; None changes nothing."""
    if name is None:
        return nullcontext()
    scope: AbstractContextManager[Any] = keras.device(name if ":" in name else f"{name}:0")
    return scope
