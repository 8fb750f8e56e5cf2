"""The operations of `ncps.neural` on MLX arrays, in MLX's own functions where it has them."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from ncps.neural import Functions
from ncps_mlx import ops

_ATTENTION = "mlx.core.fast.scaled_dot_product_attention"


class MlxFunctions(Functions):
    """The operations of `ncps.neural` on MLX arrays."""

    framework = "mlx"
    dtypes = tuple(ops.DTYPES)
    xp = mx
    native = MappingProxyType(
        {
            "elu": "mlx.nn.elu",
            "flash_attention": _ATTENTION,
            "gelu": "mlx.nn.gelu",
            "grouped_query_attention": _ATTENTION,
            "layer_norm": "mlx.core.fast.layer_norm",
            "leaky_relu": "mlx.nn.leaky_relu",
            "log_softmax": "mlx.nn.log_softmax",
            "relu": "mlx.nn.relu",
            "rms_norm": "mlx.core.fast.rms_norm",
            "rope": "mlx.core.fast.rope",
            "scaled_dot_product_attention": _ATTENTION,
            "sigmoid": "mlx.core.sigmoid",
            "silu": "mlx.nn.silu",
            "softmax": "mlx.core.softmax",
            "softplus": "mlx.nn.softplus",
            "tanh": "mlx.core.tanh",
        }
    )

    def is_array(self, value: object) -> bool:
        """Whether it is an MLX array."""
        return isinstance(value, mx.array)

    def array(self, values: Any, dtype: str | None = None, device: Any = None) -> mx.array:
        """An array with these values; in MLX it has no device of its own."""
        ops.check_device(device)
        kind = None if dtype is None else ops.DTYPES[self.check_dtype(dtype)]
        if isinstance(values, mx.array):
            return mx.array(values, kind or values.dtype)
        return ops.from_numpy(np.asarray(values), kind)

    def numpy(self, x: mx.array) -> Any:
        """A NumPy array with the values; float32 for bfloat16."""
        return ops.to_numpy(x)

    def from_dlpack(self, x: Any) -> mx.array:
        """An array over the same memory, where MLX can read that."""
        return mx.from_dlpack(x)

    def cast(self, x: mx.array, dtype: str) -> mx.array:
        """The same values in another dtype."""
        return x.astype(ops.DTYPES[self.check_dtype(dtype)])

    def to_device(self, x: mx.array, device: Any) -> mx.array:
        """The array itself: in MLX a device belongs to an operation, not to an array."""
        ops.check_device(device)
        return x

    def namespace(self) -> Any:
        """`mlx.core`, which has most of the standard's names."""
        return mx

    def value_and_grad(self, function: Callable[..., mx.array]) -> Callable[..., tuple[Any, Any]]:
        """The value and one gradient for each argument."""
        # one argument that is a list: with one number in argnums MLX leaves the tuple out
        both = mx.value_and_grad(lambda arrays: function(*arrays))
        return lambda *arrays: both(list(arrays))

    def relu(self, x: mx.array) -> Any:
        """max(x, 0)."""
        return nn.relu(x)

    def leaky_relu(self, x: mx.array, slope: float = 0.01) -> Any:
        """x above 0, slope · x below."""
        return nn.leaky_relu(x, slope)

    def elu(self, x: mx.array, alpha: float = 1.0) -> Any:
        """x above 0, α (eˣ - 1) below."""
        return nn.elu(x, alpha)

    def erf(self, x: mx.array) -> mx.array:
        """The error function."""
        return mx.erf(x)

    def gelu(self, x: mx.array) -> Any:
        """The exact x Φ(x)."""
        return nn.gelu(x)

    def silu(self, x: mx.array) -> Any:
        """x σ(x)."""
        return nn.silu(x)

    def sigmoid(self, x: mx.array) -> mx.array:
        """1 / (1 + e⁻ˣ)."""
        return mx.sigmoid(x)

    def softplus(self, x: mx.array) -> Any:
        """log(1 + eˣ)."""
        return nn.softplus(x)

    def tanh(self, x: mx.array) -> mx.array:
        """The hyperbolic tangent."""
        return mx.tanh(x)

    def softmax(self, x: mx.array, axis: int = -1) -> mx.array:
        """Softmax with the sum in float32."""
        return mx.softmax(x, axis=axis, precise=True)

    def log_softmax(self, x: mx.array, axis: int = -1) -> Any:
        """The logarithm of softmax, computed in float32."""
        return nn.log_softmax(x.astype(mx.float32), axis=axis).astype(x.dtype)

    def layer_norm(
        self, x: mx.array, weight: Any = None, bias: Any = None, eps: float = 1e-5
    ) -> mx.array:
        """Layer normalisation of the last axis."""
        self._features("layer_norm", x, weight=weight, bias=bias)
        return mx.fast.layer_norm(x, weight, bias, eps)

    def rms_norm(self, x: mx.array, weight: Any = None, eps: float = 1e-5) -> mx.array:
        """Root-mean-square normalisation of the last axis."""
        self._features("rms_norm", x, weight=weight)
        return mx.fast.rms_norm(x, weight, eps)

    def rope(self, x: mx.array, offset: int = 0, base: float = 10_000.0) -> mx.array:
        """Rotary positions in the layout of halves."""
        self._check_pairs(x)
        batched = x if x.ndim > 2 else x[None]
        turned = mx.fast.rope(
            batched, x.shape[-1], traditional=False, base=base, scale=1.0, offset=offset
        )
        return turned.reshape(x.shape)

    def fused_attention(
        self, query: mx.array, key: mx.array, value: mx.array, bias: Any, causal: bool, scale: float
    ) -> mx.array:
        """MLX picks the kernel: on Metal and CUDA a fused one where it has the shape."""
        mask = "causal" if causal else bias
        return mx.fast.scaled_dot_product_attention(query, key, value, scale=scale, mask=mask)
