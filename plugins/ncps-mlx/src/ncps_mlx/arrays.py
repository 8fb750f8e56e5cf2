"""The adapter through which the core's conformance kit and conversion speak to MLX."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mlx.utils import tree_map

from ncps_mlx import ops
from ncps_mlx.layers import NativeLayer

Array = npt.NDArray[Any]
DIFFERENTIABLE = ("x", "timespans", "state", "context")


class MlxArrays:
    """NumPy arrays to MLX and back, and gradients of a layer."""

    framework = "mlx"
    dtypes = tuple(ops.DTYPES)

    def asarray(self, array: Any, dtype: str | None = None) -> mx.array:
        """The MLX array with these values; in its own dtype unless one is given."""
        return ops.from_numpy(np.asarray(array), None if dtype is None else ops.DTYPES[dtype])

    def numpy(self, native: mx.array) -> Array:
        """The NumPy array with these values; float32 for bfloat16."""
        return ops.to_numpy(native)

    def gradients(
        self, layer: NativeLayer, inputs: Mapping[str, Any], cotangent: Array
    ) -> tuple[float, dict[str, Array], dict[str, Any]]:
        """Loss sum(cotangent · y), its gradients by native parameter, and by input."""
        given = {k: self._native(v, layer.dtype) for k, v in inputs.items() if v is not None}
        varied = {k: v for k, v in given.items() if k in DIFFERENTIABLE and _is_floating(v)}
        fixed = {k: v for k, v in given.items() if k not in varied}
        weights = self.asarray(cotangent, layer.dtype)

        def loss(parameters: Any, arguments: dict[str, Any]) -> mx.array:
            layer.update(parameters)
            result = layer(**arguments, **fixed)
            y = result[0] if isinstance(result, tuple) else result
            return mx.sum(weights * y)

        before = layer.trainable_parameters()
        value, (by_parameter, by_input) = mx.value_and_grad(loss, argnums=(0, 1))(before, varied)
        layer.update(before)
        named = {name: self.numpy(g) for name, g in ops.named(by_parameter).items()}
        return float(value), named, tree_map(self.numpy, by_input)

    def _native(self, value: Any, dtype: str) -> Any:
        if isinstance(value, tuple):
            return tuple(self._native(v, dtype) for v in value)
        array = np.asarray(value)
        # bools and integers have dtypes of their own
        return self.asarray(array, dtype if np.issubdtype(array.dtype, np.floating) else None)


def _is_floating(value: Any) -> bool:
    return all(mx.issubdtype(a.dtype, mx.floating) for a in _each(value))


def _each(value: Any) -> tuple[mx.array, ...]:
    return value if isinstance(value, tuple) else (value,)
