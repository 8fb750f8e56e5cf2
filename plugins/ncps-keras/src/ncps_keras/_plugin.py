"""The hooks of this plugin. Keras itself is imported by the first hook that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ncps_keras._choice import why_not

if TYPE_CHECKING:
    from ncps.specs import Spec

CONFORMANCE_GAPS: dict[str, dict[tuple[str, str], str]] = {}


def ncps_probe(technology: str, framework: str) -> list[str] | str | None:
    """The devices that Keras can use here, or why it cannot run."""
    reason = why_not()
    if reason is not None:
        return f"Keras cannot run: {reason}"
    try:
        from ncps_keras.ops import available_devices
    except ImportError as error:
        return f"Keras cannot be imported: {error}"
    return available_devices()


def ncps_supports(spec: Spec, technology: str, framework: str) -> str | None:
    """Why the layers of this plugin cannot be what the spec asks for, or None."""
    return None


def ncps_devices(framework: str) -> list[str] | None:
    """The devices that Keras can use here."""
    if framework != "keras" or why_not() is not None:
        return None
    from ncps_keras.ops import available_devices

    return available_devices()


def ncps_arrays(framework: str) -> Any:
    """The adapter between NumPy and the arrays of Keras' back end."""
    if framework != "keras":
        return None
    from ncps_keras.arrays import KerasArrays

    return KerasArrays()
