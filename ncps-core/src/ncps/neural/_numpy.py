"""The operations on NumPy arrays: without gradients, and without bfloat16, which NumPy lacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ncps.errors import PluginError, UnknownNameError
from ncps.neural._functions import Functions

_erf = np.vectorize(math.erf, otypes=[np.float64])


class NumpyFunctions(Functions):
    """The operations of `ncps.neural` on NumPy arrays."""

    framework = "numpy"
    dtypes = ("float32", "float16", "float64")
    default_dtype = "float64"
    xp = np

    def is_array(self, value: object) -> bool:
        """Whether it is a NumPy array."""
        return isinstance(value, np.ndarray)

    def array(self, values: Any, dtype: str | None = None, device: Any = None) -> Any:
        """A NumPy array with these values."""
        _check_device(device)
        return np.array(values, None if dtype is None else self.check_dtype(dtype))

    def numpy(self, x: Any) -> Any:
        """A copy."""
        return np.array(x)

    def from_dlpack(self, x: Any) -> Any:
        """An array over the same memory."""
        return np.from_dlpack(x)

    def dtype(self, x: Any) -> str:
        """Name of an array's dtype."""
        return str(x.dtype)

    def cast(self, x: Any, dtype: str) -> Any:
        """The same values in another dtype."""
        return np.asarray(x).astype(self.check_dtype(dtype), copy=False)

    def to_device(self, x: Any, device: Any) -> Any:
        """The array itself: NumPy has the processor only."""
        _check_device(device)
        return x

    def namespace(self) -> Any:
        """NumPy."""
        return np

    def value_and_grad(self, function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
        """NumPy has no gradients."""
        raise PluginError(
            "value_and_grad expected a framework with gradients, got NumPy. Make the neural "
            "backend of mlx, torch, keras or jax."
        )

    def erf(self, x: Any) -> Any:
        """The error function."""
        return self.cast(_erf(x), self.dtype(x))


def _check_device(device: Any) -> None:
    if device not in (None, "cpu"):
        raise UnknownNameError(f"NumPy expected the device 'cpu', got {device!r}.")
