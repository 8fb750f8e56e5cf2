"""The operations of `ncps.neural` on JAX arrays. Keras is not needed, nor asked what it runs on."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ncps.errors import PluginError, unknown
from ncps.neural import Functions

_ATTENTION = "jax.nn.dot_product_attention"
_KINDS = ("cpu", "gpu", "tpu")


class JaxFunctions(Functions):
    """The operations of `ncps.neural` on JAX arrays."""

    framework = "jax"
    xp = jnp
    native = MappingProxyType(
        {
            "elu": "jax.nn.elu",
            "flash_attention": _ATTENTION,
            "gelu": "jax.nn.gelu",
            "grouped_query_attention": _ATTENTION,
            "leaky_relu": "jax.nn.leaky_relu",
            "relu": "jax.nn.relu",
            "scaled_dot_product_attention": _ATTENTION,
            "sigmoid": "jax.nn.sigmoid",
            "silu": "jax.nn.silu",
            "softplus": "jax.nn.softplus",
            "tanh": "jax.numpy.tanh",
        }
    )

    @property
    def dtypes(self) -> tuple[str, ...]:  # type: ignore[override]
        """The dtypes of floats that JAX has as it is configured now."""
        narrow = ("float32", "bfloat16", "float16")
        return (*narrow, "float64") if jax.config.jax_enable_x64 else narrow

    def is_array(self, value: object) -> bool:
        """Whether it is a JAX array."""
        return isinstance(value, Array)

    def array(self, values: Any, dtype: str | None = None, device: Any = None) -> Array:
        """An array with these values, in memory of its own."""
        kind = None if dtype is None else self.check_dtype(dtype)
        values = values if self.is_array(values) else np.asarray(values)
        return jnp.array(values, kind, device=None if device is None else _device(device))

    def numpy(self, x: Array) -> Any:
        """A NumPy array with the values; float32 for bfloat16."""
        return np.array(x.astype(jnp.float32) if x.dtype == jnp.bfloat16 else x)

    def from_dlpack(self, x: Any) -> Array:
        """An array over the same memory, where JAX can read that."""
        return jnp.from_dlpack(x)

    def cast(self, x: Array, dtype: str) -> Array:
        """The same values in another dtype."""
        return x.astype(self.check_dtype(dtype))

    def to_device(self, x: Array, device: Any) -> Array:
        """The same values on a device such as ``"gpu:0"``."""
        return x if device is None else jax.device_put(x, _device(device))

    def namespace(self) -> Any:
        """`jax.numpy`."""
        return jnp

    def value_and_grad(self, function: Callable[..., Array]) -> Callable[..., tuple[Array, Any]]:
        """The value and one gradient for each argument."""

        def both(*arrays: Array) -> tuple[Array, Any]:
            argnums = tuple(range(len(arrays)))
            found: tuple[Array, Any] = jax.value_and_grad(function, argnums=argnums)(*arrays)
            return found

        return both

    def relu(self, x: Array) -> Array:
        """max(x, 0)."""
        return jax.nn.relu(x)

    def erf(self, x: Array) -> Array:
        """The error function."""
        return jax.scipy.special.erf(x)

    def gelu(self, x: Array) -> Array:
        """The exact x Φ(x)."""
        return jax.nn.gelu(x, approximate=False)

    def silu(self, x: Array) -> Array:
        """x σ(x)."""
        return jax.nn.silu(x)

    def sigmoid(self, x: Array) -> Array:
        """1 / (1 + e⁻ˣ)."""
        return jax.nn.sigmoid(x)

    def softplus(self, x: Array) -> Array:
        """log(1 + eˣ)."""
        return jax.nn.softplus(x)

    def tanh(self, x: Array) -> Array:
        """The hyperbolic tangent."""
        return jnp.tanh(x)

    def leaky_relu(self, x: Array, slope: float = 0.01) -> Array:
        """x above 0, slope · x below."""
        return jax.nn.leaky_relu(x, slope)

    def elu(self, x: Array, alpha: float = 1.0) -> Array:
        """x above 0, α (eˣ - 1) below."""
        return jax.nn.elu(x, alpha)

    def fused_attention(
        self, query: Array, key: Array, value: Array, bias: Any, causal: bool, scale: float
    ) -> Array:
        """JAX's own function, compiled by XLA."""
        if value.shape[-1] != key.shape[-1]:  # JAX has one head size
            return self.plain_attention(query, key, value, bias, causal, scale)
        q, k, v = (jnp.swapaxes(x, 1, 2) for x in (query, key, value))
        if bias is not None:
            bias = bias.reshape((1,) * (4 - bias.ndim) + bias.shape)
        y = jax.nn.dot_product_attention(q, k, v, bias=bias, scale=scale, is_causal=causal)
        return jnp.swapaxes(y, 1, 2)


def _device(device: Any) -> Any:
    """JAX's device of this name, such as ``"gpu:1"``, or a device of JAX itself."""
    if not isinstance(device, str):
        return device
    kind, _, number = device.partition(":")
    if kind not in _KINDS or not (number.isdigit() or not number):
        raise unknown("JAX device", device, _KINDS)
    try:
        return jax.devices(kind)[int(number or 0)]
    except (RuntimeError, IndexError) as error:
        here = [f"{d.platform}:{d.id}" for d in jax.devices()]
        raise PluginError(
            f"JAX expected one of the devices that it has here, {here}, got {device!r}."
        ) from error
