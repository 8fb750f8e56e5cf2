"""The hooks of this plugin. torch itself is imported by the first hook that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ncps.specs import Spec

_ONE = "the torch layers run one layer in one direction so far"
_GAPS = {("*", name): _ONE for name in ("layers_and_directions", "composed_gradients")}
CONFORMANCE_GAPS = {"ncps": _GAPS, "torch": _GAPS}


def ncps_probe(technology: str, framework: str) -> list[str] | str | None:
    """The devices that torch can use here, or why it cannot run."""
    try:
        from ncps_torch.ops import available_devices
    except ImportError as error:
        return f"torch cannot be imported: {error}"
    return available_devices()


def ncps_supports(spec: Spec, technology: str, framework: str) -> str | None:
    """Why the layers of this plugin cannot be what the spec asks for, or None."""
    if getattr(spec, "composed", False):
        return f"{_ONE}. Stack them, or leave out num_layers and bidirectional"
    return None


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
