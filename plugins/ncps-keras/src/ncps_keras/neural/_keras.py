"""The operations of `ncps.neural` in `keras.ops`, on the tensors of whatever Keras runs on."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
from keras import ops as kops

from ncps.errors import PluginError
from ncps.neural import Functions
from ncps_keras import ops
from ncps_keras.backends import NAME, xp

_ATTENTION = "keras.ops.dot_product_attention"


class KerasFunctions(Functions):
    """The operations of `ncps.neural` on the tensors of Keras' back end."""

    framework = "keras"
    dtypes = ops.DTYPES
    xp = kops
    native = MappingProxyType(
        {
            "elu": "keras.ops.elu",
            "flash_attention": _ATTENTION,
            "gelu": "keras.ops.gelu",
            "grouped_query_attention": _ATTENTION,
            "leaky_relu": "keras.ops.leaky_relu",
            "relu": "keras.ops.relu",
            "scaled_dot_product_attention": _ATTENTION,
            "sigmoid": "keras.ops.sigmoid",
            "silu": "keras.ops.silu",
            "softplus": "keras.ops.softplus",
            "tanh": "keras.ops.tanh",
        }
    )

    def is_array(self, value: object) -> bool:
        """Whether it is a tensor of Keras' back end."""
        found: bool = kops.is_tensor(value)
        return found

    def array(self, values: Any, dtype: str | None = None, device: Any = None) -> Any:
        """A tensor with these values, in memory of its own."""
        kind = None if dtype is None else self.check_dtype(dtype)
        with ops.on_device(ops.check_device(device)):
            if self.is_array(values):
                return kops.cast(kops.copy(values), kind or self.dtype(values))
            array = np.asarray(values)
            if kind is None and array.dtype == np.int64 and "float64" not in ops.DTYPES:
                kind = "int32"  # JAX without 64 bits warns about what it would do anyway
            return ops.from_numpy(array, kind)

    def numpy(self, x: Any) -> Any:
        """A NumPy array with the values; float32 for bfloat16."""
        return ops.to_numpy(x)

    def from_dlpack(self, x: Any) -> Any:
        """A tensor over the same memory, where the back end can read that."""
        return xp.from_dlpack(x)

    def detached(self, x: Any) -> Any:
        """The tensor without its graph."""
        return kops.stop_gradient(x)

    def dtype(self, x: Any) -> str:
        """Name of a tensor's dtype."""
        return str(keras.backend.standardize_dtype(x.dtype))

    def cast(self, x: Any, dtype: str) -> Any:
        """The same values in another dtype."""
        return kops.cast(x, self.check_dtype(dtype))

    def to_device(self, x: Any, device: Any) -> Any:
        """A copy of the values on a device such as ``"gpu:0"``."""
        return xp.to_device(x, ops.check_device(device))

    def namespace(self) -> Any:
        """The namespace of the back end's own arrays.

        Raises: PluginError on TensorFlow, which has none, and where torch's needs a package.
        """
        namespace = xp.namespace()
        if namespace is None:
            raise PluginError(
                f"{NAME}, which Keras runs on, has no array API namespace here. Use JAX, or torch "
                "with the package array-api-compat."
            )
        return namespace

    def value_and_grad(self, function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
        """The value and one gradient for each argument, by the back end's own differentiation."""

        def both(*arrays: Any) -> tuple[Any, Any]:
            value, _, found = xp.gradients(lambda leaves: function(*leaves), [], list(arrays))
            return value, tuple(found)

        return both

    def relu(self, x: Any) -> Any:
        """max(x, 0)."""
        return kops.relu(x)

    def leaky_relu(self, x: Any, slope: float = 0.01) -> Any:
        """x above 0, slope · x below."""
        return kops.leaky_relu(x, negative_slope=slope)

    def elu(self, x: Any, alpha: float = 1.0) -> Any:
        """x above 0, α (eˣ - 1) below."""
        return kops.elu(x, alpha=alpha)

    def erf(self, x: Any) -> Any:
        """The error function."""
        return kops.erf(x)

    def gelu(self, x: Any) -> Any:
        """The exact x Φ(x)."""
        return kops.gelu(x, approximate=False)

    def silu(self, x: Any) -> Any:
        """x σ(x)."""
        return kops.silu(x)

    def sigmoid(self, x: Any) -> Any:
        """1 / (1 + e⁻ˣ)."""
        return kops.sigmoid(x)

    def softplus(self, x: Any) -> Any:
        """log(1 + eˣ)."""
        return kops.softplus(x)

    def tanh(self, x: Any) -> Any:
        """The hyperbolic tangent."""
        return kops.tanh(x)

    def fused_attention(
        self, query: Any, key: Any, value: Any, bias: Any, causal: bool, scale: float
    ) -> Any:
        """Keras picks the kernel: a flash one where its back end has one for these arrays."""
        if value.shape[-1] != key.shape[-1]:  # Keras has one head size
            return self.plain_attention(query, key, value, bias, causal, scale)
        q, k, v = (kops.transpose(x, (0, 2, 1, 3)) for x in (query, key, value))
        if bias is not None:
            bias = kops.reshape(bias, (1,) * (4 - len(bias.shape)) + tuple(bias.shape))
        y = kops.dot_product_attention(q, k, v, bias=bias, scale=scale, is_causal=causal)
        return kops.transpose(y, (0, 2, 1, 3))
