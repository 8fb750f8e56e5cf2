"""Keras on JAX: `lax.scan`, compiled once for each step, shape and dtype, even in eager code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import numpy.typing as npt
from jax import Array, lax

absolute = jnp.abs
exp = jnp.exp
gelu = partial(jax.nn.gelu, approximate=False)
ones_like = jnp.ones_like
relu = jax.nn.relu
sigmoid = jax.nn.sigmoid
silu = jax.nn.silu
softplus = jax.nn.softplus
tanh = jnp.tanh
where = jnp.where
zeros_like = jnp.zeros_like

DTYPES = ("float32", "bfloat16", "float16")
if jax.config.jax_enable_x64:
    DTYPES = (*DTYPES, "float64")  # type: ignore[assignment]


def attention(
    q: Array, k: Array, v: Array, mask: Array | None, bias: Array | None, causal: bool
) -> Array:
    """Of q (B, H, T, d) to k and v (B, G, S, d), by JAX's own."""
    q, k, v = (jnp.swapaxes(a, 1, 2) for a in (q, k, v))
    o = jax.nn.dot_product_attention(q, k, v, bias, mask, is_causal=causal)
    return jnp.swapaxes(o, 1, 2)


def clip(x: Array, low: float, high: float) -> Array:
    """x within these bounds."""
    return jnp.clip(x, low, high)


def reshape(x: Array, shape: Sequence[int]) -> Array:
    """The same numbers in another shape, of which one length may be -1."""
    return jnp.reshape(x, tuple(shape))


def softmax(x: Array) -> Array:
    """Over the last axis."""
    return jax.nn.softmax(x, axis=-1)


def total(x: Array) -> Array:
    """The sum over the last axis."""
    return jnp.sum(x, axis=-1)


def addmm(p: Array, h: Array, U: Array) -> Array:
    """p + h U."""
    return p + h @ U


def affine(x: Array, W: Array, b: Array | None) -> Array:
    """x W + b over the last axis."""
    return x @ W if b is None else x @ W + b


def split(x: Array, number: int) -> Sequence[Array]:
    """Equal parts of the last axis."""
    return jnp.split(x, number, axis=-1)


def parts(x: Array, sizes: Sequence[int]) -> Sequence[Array]:
    """Parts of the last axis of these sizes."""
    ends = [sum(sizes[:i]) for i in range(1, len(sizes))]
    return jnp.split(x, ends, axis=-1)


def concat(arrays: Sequence[Array]) -> Array:
    """The arrays side by side on the last axis."""
    return jnp.concatenate(list(arrays), axis=-1)


def add_up(x: Array) -> Array:
    """The sum over the last axis but one."""
    return jnp.sum(x, axis=-2)


def mean(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """The mean over these axes."""
    return jnp.mean(x, axis=axes, keepdims=keepdims)


def take(x: Array, index: Array) -> Array:
    """x (…, N) at index (K, H) of its last axis, (…, K, H)."""
    return jnp.take(x, index, axis=-1)


@partial(jax.jit, static_argnums=0)
def scan(
    step: Callable[..., Sequence[Array]],
    weights: Any,
    xs: Sequence[Array],
    states: Sequence[Array],
) -> tuple[list[Array], list[Array]]:
    """The states (B, T, ·) after every step of xs (B, T, ·), and after the last one."""

    def body(states: tuple[Array, ...], at_t: tuple[Array, ...]) -> Any:
        new = tuple(step(weights, at_t, states))
        return new, new

    rows = tuple(jnp.swapaxes(x, 0, 1) for x in xs)
    last, history = lax.scan(body, tuple(states), rows)
    return [jnp.swapaxes(one, 0, 1) for one in history], list(last)


def to_numpy(x: Array) -> npt.NDArray[Any]:
    """The values, perhaps in the same memory; bfloat16, which NumPy lacks, becomes float32."""
    return np.asarray(x.astype(jnp.float32) if x.dtype == jnp.bfloat16 else x)


def is_concrete(x: Array) -> bool:
    """Whether Python may look at the values of an array."""
    return not isinstance(x, jax.core.Tracer)


def is_tracing() -> bool:
    """Whether what is computed now has no values: inside jit and its like."""
    return isinstance(jnp.zeros(()), jax.core.Tracer)


def devices() -> list[str]:
    """The devices in Keras' words, JAX's default first."""
    found = jax.devices()
    names = [f"{'gpu' if d.platform == 'cuda' else d.platform}:{d.id}" for d in found]
    if found[0].platform == "cpu":
        return ["cpu"]
    return [*names, "cpu"]


def from_dlpack(x: Any) -> Array:
    """An array over the same memory, where JAX can read that."""
    return jnp.from_dlpack(x)


def to_device(x: Array, device: str | None) -> Array:
    """The same values on a device in Keras' words."""
    if device is None:
        return x
    kind, _, number = device.partition(":")
    return jax.device_put(x, jax.devices(kind)[int(number or 0)])


def namespace() -> Any:
    """The functions under the names of the array API standard."""
    return jnp


def gradients(
    function: Callable[[Sequence[Array]], Array], variables: Sequence[Any], arrays: Sequence[Array]
) -> tuple[Array, Sequence[Array], Sequence[Array]]:
    """The number that `function(arrays)` is, its gradients by Keras' variables, and by arrays."""

    def at(values: Sequence[Array], arrays: Sequence[Array]) -> Any:
        with keras.StatelessScope(state_mapping=zip(variables, values, strict=True)):
            return function(arrays)

    values = [v.value for v in variables]
    value, found = jax.value_and_grad(at, argnums=(0, 1))(values, list(arrays))
    return value, *found


def finished(arrays: Sequence[Array]) -> Sequence[Array]:
    """The arrays once they are computed, so that what they were computed from may change."""
    found: Sequence[Array] = jax.block_until_ready(list(arrays))
    return found


def pullback(
    function: Callable[[Sequence[Array]], Sequence[Array]], arrays: Sequence[Array]
) -> tuple[Sequence[Array], Callable[[Sequence[Array]], Sequence[Array]]]:
    """What `function(arrays)` gives, and the function from cotangents to gradients by arrays."""
    outputs, pull = jax.vjp(function, list(arrays))
    return finished(outputs), lambda cotangents: finished(pull(list(cotangents))[0])
