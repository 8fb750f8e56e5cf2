"""The hooks of this plugin. torch itself is imported by the first hook that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ncps.specs import Spec

_BEFORE = "torch.nn.GRU has reset_after=True only; technology ncps has both"
_STOCK = {(name, "shared_description"): _BEFORE for name in ("GRU", "GRUCell")}
_EXPLICIT = "an explicit solver grows without bound when Δt / ode_unfolds is long; LTC does not"
_OURS = {(name, "huge_timespans"): _EXPLICIT for name in ("ELTC", "ELTCCell")}
CONFORMANCE_GAPS = {"ncps": _OURS, "torch": _STOCK}


def ncps_probe(technology: str, framework: str) -> list[str] | str | None:
    """The devices that torch can use here, or why it cannot run."""
    try:
        from ncps_torch.ops import available_devices
    except ImportError as error:
        return f"torch cannot be imported: {error}"
    return available_devices()


def ncps_supports(spec: Spec, technology: str, framework: str) -> str | None:
    """Why the layers of this plugin cannot be what the spec asks for, or None."""
    if technology == "torch" and not getattr(spec, "reset_after", True):
        return _BEFORE
    if getattr(spec, "solver", None) == "dopri5":
        from ncps_torch.ops import MISSING, can_adapt

        return None if can_adapt() else MISSING
    return None


def ncps_devices(framework: str) -> list[str] | None:
    """The devices that torch can use here."""
    if framework != "torch":
        return None
    from ncps_torch.ops import available_devices

    return available_devices()


def ncps_kernels(framework: str) -> dict[str, Any] | None:
    """The sequence kernels that other plugins may use, and torchdiffeq's solver if it is here."""
    if framework != "torch":
        return None
    from ncps_torch.ops import can_adapt, dopri5
    from ncps_torch.shared import KERNELS

    return {**KERNELS, "dopri5": dopri5} if can_adapt() else dict(KERNELS)


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


def ncps_natives(framework: str) -> Any:
    """The adapter to torch's own modules."""
    if framework != "torch":
        return None
    from ncps_torch.natives import TorchNatives

    return TorchNatives()


def ncps_toolkit(framework: str) -> Any:
    """What other plugins build their layers on torch from."""
    if framework != "torch":
        return None
    from ncps_torch import toolkit

    return toolkit


def ncps_recurrence(framework: str) -> type | None:
    """The module that runs any cell over a sequence."""
    if framework != "torch":
        return None
    from ncps_torch.layers import RecurrentOver

    return RecurrentOver


def ncps_neural(framework: str, arrays: str) -> Any:
    """The operations of `ncps.neural` on torch tensors."""
    if arrays != "torch":
        return None
    from ncps_torch.neural import TorchFunctions

    return TorchFunctions()


def ncps_guest(framework: str) -> Any:
    """What runs torch layers inside a model of another framework."""
    if framework != "torch":
        return None
    from ncps_torch.mixed import TorchGuest

    return TorchGuest()


def ncps_host(framework: str) -> Any:
    """What takes layers of other frameworks into a model of torch."""
    if framework != "torch":
        return None
    from ncps_torch.mixed import TorchHost

    return TorchHost()
