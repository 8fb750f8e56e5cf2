"""The adapter through which the core's conformance kit and conversion speak to torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ncps_torch import ops
from ncps_torch.layers import NativeLayer

Array = npt.NDArray[Any]
DIFFERENTIABLE = ("x", "timespans", "state", "context")


class TorchArrays:
    """NumPy arrays to tensors and back, and gradients of a layer."""

    framework = "torch"
    dtypes = tuple(ops.DTYPES)

    def asarray(self, array: Any, dtype: str | None = None) -> Tensor:
        """The tensor with these values; in its own dtype unless one is given."""
        return ops.from_numpy(np.asarray(array), None if dtype is None else ops.DTYPES[dtype])

    def numpy(self, native: Tensor) -> Array:
        """The NumPy array with these values; float32 for bfloat16."""
        return ops.to_numpy(native)

    def gradients(
        self, layer: NativeLayer, inputs: Mapping[str, Any], cotangent: Array
    ) -> tuple[float, dict[str, Array], dict[str, Any]]:
        """Loss sum(cotangent · y), its gradients by native parameter, and by input."""
        given = {k: self._native(v, layer.dtype) for k, v in inputs.items() if v is not None}
        varied = {k: v for k, v in given.items() if k in DIFFERENTIABLE and _is_floating(v)}
        leaves = [t.requires_grad_() for v in varied.values() for t in _each(v)]
        parameters = dict(layer.named_parameters())
        result = layer(given.pop("x"), **given)
        y = result[0] if isinstance(result, tuple) else result
        loss = (self.asarray(cotangent, layer.dtype) * y).sum()
        wanted = [*parameters.values(), *leaves]
        # what has no part in y, as Δt in an LSTM, has a gradient of zeros
        found = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
        arrays = [self.numpy(gradient) for gradient in found]
        named = dict(zip(parameters, arrays, strict=False))
        rest = iter(arrays[len(parameters) :])
        by_input = {k: _like(v, [next(rest) for _ in _each(v)]) for k, v in varied.items()}
        return float(loss.detach()), named, by_input

    def _native(self, value: Any, dtype: str) -> Any:
        if isinstance(value, tuple):
            return tuple(self._native(v, dtype) for v in value)
        array = np.asarray(value)
        # bools and integers have dtypes of their own
        return self.asarray(array, dtype if np.issubdtype(array.dtype, np.floating) else None)


def _each(value: Any) -> tuple[Tensor, ...]:
    return value if isinstance(value, tuple) else (value,)


def _is_floating(value: Any) -> bool:
    return all(t.dtype.is_floating_point for t in _each(value))


def _like(value: Any, arrays: list[Array]) -> Any:
    return tuple(arrays) if isinstance(value, tuple) else arrays[0]
