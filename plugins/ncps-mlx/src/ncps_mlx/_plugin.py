"""The hooks of this plugin. MLX itself is imported by the first hook that needs it."""

from __future__ import annotations

from typing import Any


def ncps_probe(technology: str, framework: str) -> list[str] | str | None:
    """The devices that MLX can use here, or why it cannot run."""
    try:
        from ncps_mlx.ops import available_devices
    except ImportError as error:
        return f"MLX cannot be imported: {error}"
    return available_devices()


def ncps_devices(framework: str) -> list[str] | None:
    """The devices that MLX can use here."""
    if framework != "mlx":
        return None
    from ncps_mlx.ops import available_devices

    return available_devices()


def ncps_trainer(framework: str) -> type | None:
    """The trainer of models made of MLX layers."""
    if framework != "mlx":
        return None
    from ncps_mlx.training import Trainer

    return Trainer


def ncps_arrays(framework: str) -> Any:
    """The adapter between NumPy and MLX arrays."""
    if framework != "mlx":
        return None
    from ncps_mlx.arrays import MlxArrays

    return MlxArrays()
