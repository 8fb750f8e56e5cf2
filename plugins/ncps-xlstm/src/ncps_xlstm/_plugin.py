"""The hooks of this plugin; importing it imports no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ncps import registry
from ncps.errors import PluginError

if TYPE_CHECKING:
    from ncps.specs import Spec

ORIGINAL = "xlstm.original"
_LESS = "its norms store their factors less 1: twice what is stored is not twice the factor"
_EPSILON = "it differentiates m, of which y is free but for ε = 1e-6: double precision shows it"
_SINGLE = "its kernels keep m in single precision"
_SIZES = "it leaves sizes for torch to find, which no row tells"
_STACKS = ("mLSTMBlock", "sLSTMBlock", "xLSTMBlockStack", "xLSTMLM")
CONFORMANCE_GAPS = {
    ORIGINAL: {
        **{(layer, "round_trip"): _LESS for layer in _STACKS},
        **{(layer, "dtypes"): _EPSILON for layer in ("mLSTMBlock", "xLSTMBlockStack", "xLSTMLM")},
        **{(layer, "dtypes"): _SINGLE for layer in ("xLSTMLarge", "xLSTMLargeBlock")},
        ("*", "empty_batch"): _SIZES,
    }
}


def ncps_probe(technology: str, framework: str) -> list[str] | str | None:
    """The devices that the framework can use here, or why it cannot run."""
    if framework == "numpy":
        return ["cpu"]
    try:
        lent: Any = registry.toolkit(framework)
    except PluginError as error:
        return str(error)
    devices: list[str] = lent.available_devices()
    return ["cpu"] if technology == ORIGINAL else devices


def ncps_supports(spec: Spec, technology: str, framework: str) -> str | None:
    """Why the layers of this plugin cannot be what the spec asks for, or None."""
    if technology != ORIGINAL:
        return None
    from ncps_xlstm.original.supports import why_not

    return why_not(spec)
