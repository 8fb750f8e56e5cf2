"""The hooks of this plugin. MLX itself is imported by the first hook that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ncps.specs import Spec

_BEFORE = "mlx.nn.GRU has reset_after=True only; technology ncps has both"
_STOCK = {(name, "shared_description"): _BEFORE for name in ("GRU", "GRUCell")}
_EXPLICIT = "an explicit solver grows without bound when Δt / ode_unfolds is long; LTC does not"
_OURS = {(name, "huge_timespans"): _EXPLICIT for name in ("ELTC", "ELTCCell")}
CONFORMANCE_GAPS = {"ncps": _OURS, "mlx": _STOCK}


def ncps_probe(technology: str, framework: str) -> list[str] | str | None:
    """The devices that MLX can use here, or why it cannot run."""
    try:
        from ncps_mlx.ops import available_devices
    except ImportError as error:
        return f"MLX cannot be imported: {error}"
    return available_devices()


def ncps_supports(spec: Spec, technology: str, framework: str) -> str | None:
    """Why the layers of this plugin cannot be what the spec asks for, or None."""
    if technology == "mlx" and not getattr(spec, "reset_after", True):
        return _BEFORE
    return None


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


def ncps_natives(framework: str) -> Any:
    """The adapter to MLX's own modules."""
    if framework != "mlx":
        return None
    from ncps_mlx.natives import MlxNatives

    return MlxNatives()


def ncps_toolkit(framework: str) -> Any:
    """What other plugins build their layers on MLX from."""
    if framework != "mlx":
        return None
    from ncps_mlx import toolkit

    return toolkit


def ncps_recurrence(framework: str) -> type | None:
    """The module that runs any cell over a sequence."""
    if framework != "mlx":
        return None
    from ncps_mlx.layers import RecurrentOver

    return RecurrentOver


def ncps_neural(framework: str, arrays: str) -> Any:
    """The operations of `ncps.neural` on MLX arrays."""
    if arrays != "mlx":
        return None
    from ncps_mlx.neural import MlxFunctions

    return MlxFunctions()


def ncps_guest(framework: str) -> Any:
    """What runs MLX layers inside a model of another framework."""
    if framework != "mlx":
        return None
    from ncps_mlx.mixed import MlxGuest

    return MlxGuest()


def ncps_host(framework: str) -> Any:
    """What takes layers of other frameworks into a model of MLX."""
    if framework != "mlx":
        return None
    from ncps_mlx.mixed import MlxHost

    return MlxHost()
