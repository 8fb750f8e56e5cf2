"""The hooks of the technology ``numpy``, which is part of the core."""

from __future__ import annotations

from typing import Any

_EXPLICIT = "an explicit solver grows without bound when Δt / ode_unfolds is long; LTC does not"
CONFORMANCE_GAPS = {"numpy": {(name, "huge_timespans"): _EXPLICIT for name in ("ELTC", "ELTCCell")}}


def ncps_devices(framework: str) -> list[str]:
    """The processor."""
    return ["cpu"]


def ncps_arrays(framework: str) -> Any:
    """NumPy's own arrays, with gradients by complex step."""
    from ncps.testing._numpy_adapter import NumpyArrays

    return NumpyArrays()


def ncps_neural(framework: str, arrays: str) -> Any:
    """The operations of `ncps.neural` on NumPy arrays."""
    from ncps.neural._numpy import NumpyFunctions

    return NumpyFunctions() if arrays == "numpy" else None
