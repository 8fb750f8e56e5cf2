"""The functions that operators do not give, from the module that an array came from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ncps import registry
from ncps.errors import ShapeError

Function = Callable[..., Any]

# the package of an array's type → its framework, and the module with its functions
_HOMES = {
    "numpy": ("numpy", "numpy"),
    "torch": ("torch", "torch"),
    "mlx": ("mlx", "mlx.core"),
    "jax": ("jax", "jax.numpy"),
    "jaxlib": ("jax", "jax.numpy"),
    "tensorflow": ("tensorflow", "tensorflow"),
}
_OTHER_NAMES = {"tensorflow": {"concatenate": "concat", "sum": "reduce_sum"}}
_STOPS = {"mlx": "stop_gradient", "tensorflow": "stop_gradient"}


class Functions(NamedTuple):
    """Functions of one framework; the ones with an axis take it as second argument."""

    framework: str
    exp: Function
    tanh: Function
    concatenate: Function
    cumsum: Function
    sum: Function
    reshape: Function
    broadcast_to: Function
    detach: Function

    def sigmoid(self, z: Any) -> Any:
        """1 / (1 + e^-z), written so that it cannot overflow."""
        return 0.5 * (1.0 + self.tanh(0.5 * z))


def as_array(value: Any) -> Any:
    """The value itself if it is a framework's array; numbers and lists as a NumPy array."""
    return value if _package(value) in _HOMES else np.asarray(value)


def framework_of(array: Any) -> str:
    """Name of the framework of an array.

    Raises: ShapeError for what is not an array of a framework that is known here.
    """
    package = _package(array)
    if package not in _HOMES:
        known = sorted({framework for framework, _ in _HOMES.values()})
        raise ShapeError(
            f"expected an array of {', '.join(known)}, got {type(array).__name__}. "
            "Make it an array of the framework that you compute with."
        )
    return _HOMES[package][0]


def host(array: Any) -> Any:
    """A NumPy array of the values; those of torch and MLX by their plugins, which know bfloat16."""
    framework = framework_of(array)
    if framework in ("torch", "mlx"):
        return registry.arrays(framework).numpy(array)
    return np.asarray(array)


def functions_of(array: Any) -> Functions:
    """The functions of an array's own framework, which it has imported already.

    Raises: ShapeError for what is not an array of a framework that is known here.
    """
    framework = framework_of(array)
    module = sys.modules[_HOMES[_package(array)][1]]
    names = _OTHER_NAMES.get(framework, {})
    found = {
        name: getattr(module, names.get(name, name))
        for name in Functions._fields
        if name not in ("framework", "detach")
    }
    return Functions(framework=framework, detach=_detach(framework, module), **found)


def _detach(framework: str, module: Any) -> Function:
    """An array as one that no gradient goes through."""
    if framework == "torch":
        return lambda array: array.detach()
    if framework == "jax":
        stop: Function = sys.modules["jax"].lax.stop_gradient
        return stop
    return getattr(module, _STOPS[framework]) if framework in _STOPS else lambda array: array


def _package(array: Any) -> str:
    return type(array).__module__.partition(".")[0]
