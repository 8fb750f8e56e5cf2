"""The adapter through which the core's conformance kit and conversion speak to Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops as kops

from ncps_keras import ops
from ncps_keras.backends import xp
from ncps_keras.layers import NativeLayer

Array = npt.NDArray[Any]
DIFFERENTIABLE = ("x", "timespans", "state")


class KerasArrays:
    """NumPy arrays to tensors of Keras' back end and back, and gradients of a layer."""

    framework = "keras"
    dtypes = ops.DTYPES

    def asarray(self, array: Any, dtype: str | None = None) -> Any:
        """The tensor with these values; bools and integers stay what they are."""
        return ops.from_numpy(np.asarray(array), dtype)

    def numpy(self, native: Any) -> Array:
        """The NumPy array with these values; float32 for bfloat16."""
        return ops.to_numpy(native)

    def gradients(
        self, layer: NativeLayer, inputs: Mapping[str, Any], cotangent: Array
    ) -> tuple[float, dict[str, Array], dict[str, Any]]:
        """Loss sum(cotangent · y), its gradients by native parameter, and by input."""
        given = {k: self._native(v, layer.dtype) for k, v in inputs.items() if v is not None}
        varied = {k: v for k, v in given.items() if k in DIFFERENTIABLE and _is_floating(v)}
        fixed = {k: v for k, v in given.items() if k not in varied}
        variables = {name: v for name, v in layer._named().items() if v.trainable}
        weights = self.asarray(cotangent, layer.dtype)

        def loss(leaves: Sequence[Any]) -> Any:
            result = layer(**keras.tree.pack_sequence_as(varied, leaves), **fixed)
            y = result[0] if isinstance(result, tuple) else result
            return kops.sum(weights * y)

        leaves = keras.tree.flatten(varied)
        value, by_variable, by_leaf = xp.gradients(loss, list(variables.values()), leaves)
        named = dict(zip(variables, map(self.numpy, by_variable), strict=True))
        by_input = keras.tree.pack_sequence_as(varied, list(map(self.numpy, by_leaf)))
        return float(self.numpy(value)), named, by_input

    def _native(self, value: Any, dtype: str) -> Any:
        if isinstance(value, tuple):
            return tuple(self._native(v, dtype) for v in value)
        array = np.asarray(value)
        # bools and integers have dtypes of their own
        return self.asarray(array, dtype if np.issubdtype(array.dtype, np.floating) else None)


def _is_floating(value: Any) -> bool:
    first = value[0] if isinstance(value, tuple) else value
    return bool(keras.backend.is_float_dtype(keras.backend.standardize_dtype(first.dtype)))
