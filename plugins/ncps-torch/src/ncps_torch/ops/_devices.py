"""Devices by name: what this machine and this build of torch have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ncps.errors import PluginError, unknown

_AVAILABLE: dict[str, Callable[[], bool]] = {
    "cuda": lambda: torch.cuda.is_available(),
    "mps": lambda: torch.backends.mps.is_available(),
    "cpu": lambda: True,
}


def available_devices() -> list[str]:
    """Names of the devices that torch can run on here, the CPU first, as torch's default is."""
    return [name for name in ("cpu", "cuda", "mps") if _AVAILABLE[name]()]


def check_device(device: Any) -> torch.device | None:
    """The device of this name, such as "cuda:1"; None stands for torch's default device.

    Raises: UnknownNameError for a name that torch does not have; PluginError for a device that
    this machine or this build of torch does not have.
    """
    if device is None:
        return None
    kind = str(device).partition(":")[0]
    if kind not in (*_AVAILABLE, "meta"):
        raise unknown("torch device", str(device), _AVAILABLE)
    if kind != "meta" and not _AVAILABLE[kind]():
        raise PluginError(
            f"torch expected one of the devices that it has here, {available_devices()}, got "
            f"{str(device)!r}. Leave device out, or install the build of torch for that device."
        )
    return torch.device(device)
