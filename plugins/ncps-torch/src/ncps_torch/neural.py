"""The operations of `ncps.neural` on torch tensors, in torch's own functions where it has them."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.dlpack import from_dlpack

from ncps.errors import PluginError
from ncps.neural import Functions
from ncps_torch import ops

_ATTENTION = "torch.nn.functional.scaled_dot_product_attention"


class _Namespace:
    """torch under NumPy's names, where the two differ."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    @staticmethod
    def max(x: Tensor, axis: int, keepdims: bool = False) -> Tensor:
        return torch.amax(x, dim=axis, keepdim=keepdims)

    @staticmethod
    def repeat(x: Tensor, times: int, axis: int) -> Tensor:
        return torch.repeat_interleave(x, times, dim=axis)

    @staticmethod
    def take_along_axis(x: Tensor, indices: Tensor, axis: int) -> Tensor:
        return torch.take_along_dim(x, indices.long(), dim=axis)

    @staticmethod
    def transpose(x: Tensor, axes: tuple[int, ...]) -> Tensor:
        return x.permute(axes)


class TorchFunctions(Functions):
    """The operations of `ncps.neural` on torch tensors."""

    framework = "torch"
    dtypes = tuple(ops.DTYPES)
    xp = _Namespace()
    native = MappingProxyType(
        {
            "elu": "torch.nn.functional.elu",
            "embedding": "torch.nn.functional.embedding",
            "flash_attention": _ATTENTION,
            "gelu": "torch.nn.functional.gelu",
            "group_norm": "torch.nn.functional.group_norm",
            "grouped_query_attention": _ATTENTION,
            "layer_norm": "torch.nn.functional.layer_norm",
            "leaky_relu": "torch.nn.functional.leaky_relu",
            "log_softmax": "torch.log_softmax",
            "relu": "torch.relu",
            "rms_norm": "torch.nn.functional.rms_norm",
            "scaled_dot_product_attention": _ATTENTION,
            "sigmoid": "torch.sigmoid",
            "silu": "torch.nn.functional.silu",
            "softmax": "torch.softmax",
            "tanh": "torch.tanh",
        }
    )

    def is_array(self, value: object) -> bool:
        """Whether it is a tensor."""
        return isinstance(value, Tensor)

    def array(self, values: Any, dtype: str | None = None, device: Any = None) -> Tensor:
        """A tensor with these values, in memory of its own."""
        kind = None if dtype is None else ops.DTYPES[self.check_dtype(dtype)]
        where = ops.check_device(device)
        if isinstance(values, Tensor):
            return values.detach().clone().to(device=where, dtype=kind)
        return ops.from_numpy(np.asarray(values), kind, where)

    def numpy(self, x: Tensor) -> Any:
        """A NumPy array with the values; float32 for bfloat16."""
        return ops.to_numpy(x)

    def from_dlpack(self, x: Any) -> Tensor:
        """A tensor over the same memory."""
        return from_dlpack(x)

    def detached(self, x: Tensor) -> Tensor:
        """The tensor without its graph."""
        return x.detach()

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        """The same values in another dtype."""
        return x.to(ops.DTYPES[self.check_dtype(dtype)])

    def to_device(self, x: Tensor, device: Any) -> Tensor:
        """The same values on a device such as ``"cuda:1"``."""
        return x.to(ops.check_device(device))

    def namespace(self) -> Any:
        """torch under the standard's names, from the package array-api-compat.

        Raises: PluginError when that is not installed.
        """
        try:
            from array_api_compat import torch as compatible
        except ImportError as error:
            raise PluginError(
                "the array API namespace of torch needs array-api-compat: torch's own names "
                'differ. Run: pip install "ncps-torch[array-api]"'
            ) from error
        return compatible

    def value_and_grad(self, function: Callable[..., Tensor]) -> Callable[..., tuple[Tensor, Any]]:
        """The value and one gradient for each argument."""

        def both(*arrays: Tensor) -> tuple[Tensor, Any]:
            leaves = [a.detach().requires_grad_() for a in arrays]
            with torch.enable_grad():
                value = function(*leaves)
            # what has no part in the value has a gradient of zeros
            found = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
            return value.detach(), found

        return both

    def embedding(self, indices: Tensor, table: Tensor) -> Tensor:
        """The rows of a table."""
        return functional.embedding(indices.long(), table)

    def relu(self, x: Tensor) -> Tensor:
        """max(x, 0)."""
        return torch.relu(x)

    def leaky_relu(self, x: Tensor, slope: float = 0.01) -> Tensor:
        """x above 0, slope · x below."""
        return functional.leaky_relu(x, slope)

    def elu(self, x: Tensor, alpha: float = 1.0) -> Tensor:
        """x above 0, α (eˣ - 1) below."""
        return functional.elu(x, alpha)

    def erf(self, x: Tensor) -> Tensor:
        """The error function."""
        return torch.erf(x)

    def gelu(self, x: Tensor) -> Tensor:
        """The exact x Φ(x)."""
        return functional.gelu(x)

    def silu(self, x: Tensor) -> Tensor:
        """x σ(x)."""
        return functional.silu(x)

    def sigmoid(self, x: Tensor) -> Tensor:
        """1 / (1 + e⁻ˣ)."""
        return torch.sigmoid(x)

    def tanh(self, x: Tensor) -> Tensor:
        """The hyperbolic tangent."""
        return torch.tanh(x)

    def softmax(self, x: Tensor, axis: int = -1) -> Tensor:
        """Softmax; torch sums in float32 by itself."""
        return torch.softmax(x, axis)

    def log_softmax(self, x: Tensor, axis: int = -1) -> Tensor:
        """The logarithm of softmax; torch sums in float32 by itself."""
        return torch.log_softmax(x, axis)

    def layer_norm(
        self, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
    ) -> Tensor:
        """Layer normalisation of the last axis."""
        self._features("layer_norm", x, weight=weight, bias=bias)
        return functional.layer_norm(x, (x.shape[-1],), weight, bias, eps)

    def rms_norm(self, x: Tensor, weight: Tensor | None = None, eps: float = 1e-5) -> Tensor:
        """Root-mean-square normalisation of the last axis."""
        self._features("rms_norm", x, weight=weight)
        return functional.rms_norm(x, (x.shape[-1],), weight, eps)

    def group_norm(
        self,
        x: Tensor,
        groups: int,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
    ) -> Tensor:
        """Group normalisation of x (B, …, D)."""
        self._check_groups(x, groups, weight, bias)
        return ops.group_norm(x, groups, weight, bias, eps)

    def fused_attention(
        self, query: Tensor, key: Tensor, value: Tensor, bias: Any, causal: bool, scale: float
    ) -> Tensor:
        """Torch picks the kernel: flash, memory-efficient, cuDNN or plain."""
        return functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=bias,
            is_causal=causal,
            scale=scale,
            enable_gqa=query.shape[1] != key.shape[1],
        )

    def _as(self, values: Any, like: Tensor) -> Tensor:
        return torch.as_tensor(values).to(device=like.device, dtype=like.dtype)
