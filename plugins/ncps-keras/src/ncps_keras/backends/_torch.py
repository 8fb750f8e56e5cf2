"""Keras on torch: a loop over `unbind`, whose gradient is one `stack`; never a slice a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils import dlpack

absolute = torch.abs
addmm = torch.addmm
exp = torch.exp
gelu = functional.gelu
ones_like = torch.ones_like
relu = torch.relu
sigmoid = torch.sigmoid
silu = functional.silu
tanh = torch.tanh
where = torch.where
zeros_like = torch.zeros_like

DTYPES = ("float32", "bfloat16", "float16", "float64")


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, bias: Tensor | None, causal: bool
) -> Tensor:
    """Of q (B, H, T, d) to k and v (B, G, S, d), by torch's fused kernels."""
    if bias is not None:
        mask = bias if mask is None else torch.where(mask, bias, float("-inf"))
    return functional.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=k.shape[1] != q.shape[1]
    )


def clip(x: Tensor, low: float, high: float) -> Tensor:
    """x within these bounds."""
    return x.clamp(low, high)


def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    """The same numbers in another shape, of which one length may be -1."""
    return x.reshape(tuple(shape))


def softmax(x: Tensor) -> Tensor:
    """Over the last axis."""
    return torch.softmax(x, dim=-1)


def total(x: Tensor) -> Tensor:
    """The sum over the last axis."""
    return x.sum(dim=-1)


def affine(x: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
    """x W + b over the last axis."""
    return functional.linear(x, W.t(), b)


def softplus(z: Tensor) -> Tensor:
    """log(1 + e^z)."""
    return torch.logaddexp(z, torch.zeros_like(z))


def split(x: Tensor, number: int) -> Sequence[Tensor]:
    """Equal parts of the last axis."""
    return x.chunk(number, dim=-1)


def parts(x: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
    """Parts of the last axis of these sizes."""
    return torch.split(x, list(sizes), dim=-1)


def concat(arrays: Sequence[Tensor]) -> Tensor:
    """The arrays side by side on the last axis."""
    return torch.cat(list(arrays), dim=-1)


def add_up(x: Tensor) -> Tensor:
    """The sum over the last axis but one."""
    return x.sum(dim=-2)


def mean(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The mean over these axes."""
    return x.mean(dim=axes, keepdim=keepdims)


def take(x: Tensor, index: Tensor) -> Tensor:
    """x (…, N) at index (K, H) of its last axis, (…, K, H)."""
    return x[..., index]


def scan(
    step: Callable[..., Sequence[Tensor]],
    weights: Any,
    xs: Sequence[Tensor],
    states: Sequence[Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    """The states (B, T, ·) after every step of xs (B, T, ·), and after the last one."""
    history = []
    for at_t in zip(*(x.unbind(1) for x in xs), strict=True):
        states = step(weights, at_t, states)
        history.append(states)
    if not history:
        return [s.new_zeros(s.shape[0], 0, s.shape[1]) for s in states], list(states)
    return [torch.stack(one, dim=1) for one in zip(*history, strict=True)], list(states)


def to_numpy(x: Tensor) -> npt.NDArray[Any]:
    """The values, perhaps in the same memory; bfloat16, which NumPy lacks, becomes float32."""
    x = x.detach().cpu()
    return (x.float() if x.dtype == torch.bfloat16 else x).numpy()


def is_concrete(x: Tensor) -> bool:
    """Whether Python may look at the values of a tensor."""
    if torch.compiler.is_compiling() or torch._C._is_tracing() or x.device.type == "meta":
        return False
    return not torch._C._functorch.is_functorch_wrapped_tensor(x)


def is_tracing() -> bool:
    """Whether what is computed now has no values: Keras asks for shapes on the device meta."""
    return torch.empty(0).device.type == "meta" or torch.compiler.is_compiling()


def devices() -> list[str]:
    """The devices in Keras' words, its default first."""
    found = [f"gpu:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def from_dlpack(x: Any) -> Tensor:
    """A tensor over the same memory."""
    return dlpack.from_dlpack(x)


def to_device(x: Tensor, device: str | None) -> Tensor:
    """The same values on a device in Keras' words."""
    return x.to(None if device is None else device.replace("gpu", "cuda"))


def namespace() -> Any:
    """The functions under the names of the array API standard, if array-api-compat is here."""
    try:
        from array_api_compat import torch as compatible
    except ImportError:
        return None
    return compatible


def gradients(
    function: Callable[[Sequence[Tensor]], Tensor],
    variables: Sequence[Any],
    arrays: Sequence[Tensor],
) -> tuple[Tensor, Sequence[Tensor], Sequence[Tensor]]:
    """The number that `function(arrays)` is, its gradients by Keras' variables, and by arrays."""
    leaves = [a.detach().requires_grad_() for a in arrays]
    wanted = [*(v.value for v in variables), *leaves]
    value = function(leaves)
    # what has no part in y, as Δt in an LSTM, has a gradient of zeros
    found = torch.autograd.grad(value, wanted, allow_unused=True, materialize_grads=True)
    return value.detach(), found[: len(variables)], found[len(variables) :]


def finished(arrays: Sequence[Tensor]) -> Sequence[Tensor]:
    """The tensors without their graph."""
    return [a.detach() for a in arrays]


def pullback(
    function: Callable[[Sequence[Tensor]], Sequence[Tensor]], arrays: Sequence[Tensor]
) -> tuple[Sequence[Tensor], Callable[[Sequence[Tensor]], Sequence[Tensor]]]:
    """What `function(arrays)` gives, and the function from cotangents to gradients by arrays."""
    leaves = [a.detach().requires_grad_() for a in arrays]
    outputs = function(leaves)

    def pull(cotangents: Sequence[Tensor]) -> Sequence[Tensor]:
        pairs = [(y, dy) for y, dy in zip(outputs, cotangents, strict=True) if y.requires_grad]
        if not pairs:
            return [torch.zeros_like(leaf) for leaf in leaves]
        ys, dys = zip(*pairs, strict=True)
        return torch.autograd.grad(
            ys, leaves, dys, retain_graph=True, allow_unused=True, materialize_grads=True
        )

    return finished(outputs), pull
