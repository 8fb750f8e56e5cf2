"""How the kit talks to a framework: an adapter of four names, offered by the plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ncps.canonical import Layer

Array = npt.NDArray[Any]
Inputs = Mapping[str, Any]


class Arrays(Protocol):
    """What the hook ``ncps_arrays`` of a plugin returns for its framework."""

    @property
    def framework(self) -> str:
        """Name of the framework, e.g. ``"mlx"``."""

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes that layers on this framework can be made in, here."""

    def asarray(self, array: Any, dtype: str | None = None) -> Any:
        """The framework's array with these values; bools stay bools."""

    def numpy(self, native: Any) -> Array:
        """A NumPy array with the values of a native one (float32 for bfloat16)."""

    def gradients(
        self, layer: Layer, inputs: Inputs, cotangent: Array
    ) -> tuple[float, dict[str, Array], dict[str, Any]]:
        """Loss sum(cotangent · y), its gradients by native parameter, and by input.

        `inputs` holds NumPy arrays under the names of the call: x, state (array or tuple),
        timespans, mask. The third result has the gradients of x, timespans and state, as given.
        """


def claimed_dtypes(arrays: Arrays) -> tuple[str, ...]:
    """The dtypes that an adapter claims; one without the attribute claims float32."""
    return tuple(getattr(arrays, "dtypes", ("float32",)))


def gradient_limit(arrays: Arrays) -> int | None:
    """The most numbers × steps whose gradients the adapter can afford; None: there is no limit."""
    limit: int | None = getattr(arrays, "gradient_limit", None)
    return limit


def dtype_name(native: Any) -> str:
    """Name of an array's dtype: float32 for `mlx.core.float32`, `torch.float32`, …."""
    name = getattr(native.dtype, "name", None)
    return name if isinstance(name, str) else str(native.dtype).rpartition(".")[2]


def as_float64(value: Any) -> Any:
    """The same inputs in double precision, whatever they are nested in."""
    if isinstance(value, tuple):
        return tuple(as_float64(v) for v in value)
    array = np.asarray(value)
    return array if array.dtype == bool else array.astype(np.float64)
