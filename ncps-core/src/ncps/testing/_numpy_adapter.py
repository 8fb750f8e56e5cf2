"""The array adapter of the framework ``numpy``: gradients by complex step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ncps.canonical import Layer
from ncps.testing._arrays import Array, Inputs, as_float64, has_dtype
from ncps.testing._judge import STEP, loss

DIFFERENTIABLE = ("x", "timespans", "state", "context")


class NumpyArrays:
    """Arrays of the reference: NumPy's own, in float64.

    A gradient takes one run of the reference per number, so it is for small layers only.
    """

    framework = "numpy"
    dtypes: tuple[str, ...] = ("float64",)
    gradient_limit = 5_000

    def asarray(self, array: Any, dtype: str | None = None) -> Array:
        """The array in `dtype`; itself when it has that already."""
        return np.asarray(array, dtype)

    def numpy(self, native: Any) -> Array:
        """The array itself."""
        return np.asarray(native)

    def gradients(
        self, layer: Layer, inputs: Inputs, cotangent: Array
    ) -> tuple[float, dict[str, Array], dict[str, Any]]:
        """Loss sum(cotangent · y), and its gradients by native parameter and by input."""
        rules = layer.parameter_map(layer.spec)
        native = {name: np.asarray(a, np.float64) for name, a in layer.get_native().items()}
        fixed = {p.name for p in layer.spec.parameters() if not p.trainable}
        given = {k: v if v is None else as_float64(v) for k, v in inputs.items()}

        def value(parameters: Mapping[str, Array], arguments: Mapping[str, Any]) -> Any:
            return loss(layer.spec, rules.to_canonical(parameters), arguments, cotangent)

        by_parameter = {
            name: _gradient(lambda a, n=name: value({**native, n: a}, given), array)  # type: ignore[misc]
            for name, array in native.items()
            if name not in fixed
        }
        by_input = {
            name: self._by_input(lambda a, n=name: value(native, {**given, n: a}), given[name])  # type: ignore[misc]
            for name in DIFFERENTIABLE
            if given.get(name) is not None and has_dtype(given[name])
        }
        return float(value(native, given)), by_parameter, by_input

    def _by_input(self, function: Callable[[Any], Any], value: Any) -> Any:
        if not isinstance(value, tuple):
            return _gradient(function, value)
        parts = []
        for i, part in enumerate(value):
            rest = list(value)

            def at(a: Array, i: int = i, rest: list[Array] = rest) -> Any:
                return function((*rest[:i], a, *rest[i + 1 :]))

            parts.append(_gradient(at, part))
        return tuple(parts)


def _gradient(function: Callable[[Array], Any], array: Array) -> Array:
    gradient = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        moved = array.astype(np.complex128)
        moved[index] += 1j * STEP
        gradient[index] = function(moved).imag / STEP
    return gradient
