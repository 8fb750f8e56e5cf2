"""The hooks of this plugin. torch itself is imported by the first hook that needs it."""

from __future__ import annotations

from typing import Any


def ncps_probe(technology: str, framework: str) -> list[str] | str | None:
    """The devices that torch can use here, or why it cannot run."""
    try:
        from ncps_torch.ops import available_devices
    except ImportError as error:
        return f"torch cannot be imported: {error}"
    return available_devices()


def ncps_devices(framework: str) -> list[str] | None:
    """The devices that torch can use here."""
    if framework != "torch":
        return None
    from ncps_torch.ops import available_devices

    return available_devices()


def ncps_trainer(framework: str) -> type | None:
    """The trainer of models made of torch layers."""
    if framework != "torch":
        return None
    from ncps_torch.training import Trainer

    return Trainer


def ncps_arrays(framework: str) -> Any:
    """The adapter between NumPy arrays and torch tensors."""
    if framework != "torch":
        return None
    from ncps_torch.arrays import TorchArrays

    return TorchArrays()
