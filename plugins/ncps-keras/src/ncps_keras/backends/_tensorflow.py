"""Keras on TensorFlow: a `while_loop`, with as many steps as a graph can know only when it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

# bytes
ALIGNMENT = 64

Tensor = Any

absolute = tf.abs
exp = tf.exp
ones_like = tf.ones_like
relu = tf.nn.relu
sigmoid = tf.sigmoid
silu = tf.nn.silu
softplus = tf.math.softplus
tanh = tf.tanh
where = tf.where
zeros_like = tf.zeros_like

DTYPES = ("float32", "bfloat16", "float16", "float64")


def attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, bias: Tensor | None, causal: bool
) -> Tensor:
    """Of q (B, H, T, d) to k and v (B, G, S, d): TensorFlow has no fused kernel for it."""
    group = q.shape[1] // k.shape[1]
    k, v = tf.repeat(k, group, axis=1), tf.repeat(v, group, axis=1)
    wide = q.dtype if q.dtype == tf.float64 else tf.float32
    z = tf.cast(tf.matmul(q, k, transpose_b=True), wide) / q.shape[-1] ** 0.5
    z = z if bias is None else z + tf.cast(bias, wide)
    if causal:
        z = tf.where(tf.linalg.band_part(tf.ones_like(z), -1, 0) > 0, z, z.dtype.min)
    z = z if mask is None else tf.where(mask, z, z.dtype.min)
    return tf.matmul(tf.cast(tf.nn.softmax(z), q.dtype), v)


def clip(x: Tensor, low: float, high: float) -> Tensor:
    """x within these bounds."""
    return tf.clip_by_value(x, low, high)


def reshape(x: Tensor, shape: Sequence[int]) -> Tensor:
    """The same numbers in another shape, of which one length may be -1."""
    return tf.reshape(x, tuple(shape))


def softmax(x: Tensor) -> Tensor:
    """Over the last axis."""
    return tf.nn.softmax(x, axis=-1)


def total(x: Tensor) -> Tensor:
    """The sum over the last axis."""
    return tf.reduce_sum(x, axis=-1)


def gelu(x: Tensor) -> Tensor:
    """x Φ(x)."""
    # tf.nn.gelu rounds √2 to float32
    return 0.5 * x * (1.0 + tf.math.erf(x * math.sqrt(0.5)))


def addmm(p: Tensor, h: Tensor, U: Tensor) -> Tensor:
    """p + h U."""
    return p + tf.matmul(h, U)


def affine(x: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
    """x W + b over the last axis."""
    y = tf.matmul(x, W) if len(x.shape) == 2 else tf.tensordot(x, W, 1)
    return y if b is None else y + b


def split(x: Tensor, number: int) -> Sequence[Tensor]:
    """Equal parts of the last axis."""
    found: Sequence[Tensor] = tf.split(x, number, axis=-1)
    return found


def parts(x: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
    """Parts of the last axis of these sizes."""
    found: Sequence[Tensor] = tf.split(x, list(sizes), axis=-1)
    return found


def concat(arrays: Sequence[Tensor]) -> Tensor:
    """The arrays side by side on the last axis."""
    return tf.concat(list(arrays), axis=-1)


def add_up(x: Tensor) -> Tensor:
    """The sum over the last axis but one."""
    return tf.reduce_sum(x, axis=-2)


def mean(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    """The mean over these axes."""
    return tf.reduce_mean(x, axis=axes, keepdims=keepdims)


def take(x: Tensor, index: Tensor) -> Tensor:
    """x (…, N) at index (K, H) of its last axis, (…, K, H)."""
    return tf.gather(x, index, axis=-1)


def scan(
    step: Callable[..., Sequence[Tensor]],
    weights: Any,
    xs: Sequence[Tensor],
    states: Sequence[Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    """The states (B, T, ·) after every step of xs (B, T, ·), and after the last one."""
    known = xs[0].shape[1]
    steps = tf.shape(xs[0])[1] if known is None else known
    rows = [_unstacked(x, steps) for x in xs]
    history = [
        tf.TensorArray(s.dtype, size=steps, element_shape=s.shape, clear_after_read=False)
        for s in states
    ]

    def body(t: Tensor, states: Sequence[Tensor], history: Sequence[Any]) -> Any:
        new = step(weights, [row.read(t) for row in rows], states)
        return t + 1, list(new), [a.write(t, s) for a, s in zip(history, new, strict=True)]

    _, last, history = tf.while_loop(
        lambda t, *_: t < steps,
        body,
        (tf.constant(0), list(states), history),
        maximum_iterations=steps,
    )
    return [tf.transpose(a.stack(), (1, 0, 2)) for a in history], list(last)


def _unstacked(x: Tensor, steps: Any) -> Any:
    rows = tf.TensorArray(x.dtype, size=steps, element_shape=(x.shape[0], *x.shape[2:]))
    return rows.unstack(tf.transpose(x, (1, 0, 2)))


def to_numpy(x: Tensor) -> npt.NDArray[Any]:
    """The values, perhaps in the same memory; bfloat16, which NumPy lacks, becomes float32."""
    array: npt.NDArray[Any] = (tf.cast(x, tf.float32) if x.dtype == tf.bfloat16 else x).numpy()
    return array


def is_concrete(x: Tensor) -> bool:
    """Whether Python may look at the values of a tensor."""
    return tf.executing_eagerly() and hasattr(x, "numpy")


def is_tracing() -> bool:
    """Whether what is computed now has no values: inside tf.function and its like."""
    return not tf.executing_eagerly()


def devices() -> list[str]:
    """The devices in Keras' words, TensorFlow's default first."""
    return [*(f"gpu:{i}" for i, _ in enumerate(tf.config.list_logical_devices("GPU"))), "cpu"]


def from_dlpack(x: Any) -> Tensor:
    """A tensor over the same memory where that is aligned as TensorFlow's own, else a copy."""
    try:
        seen = np.from_dlpack(x)
    except (BufferError, RuntimeError, TypeError):  # of bfloat16, or not in the processor's memory
        return tf.experimental.dlpack.from_dlpack(x.__dlpack__())
    if seen.ctypes.data % ALIGNMENT:  # TensorFlow would end the process
        return tf.convert_to_tensor(np.array(seen))
    return tf.experimental.dlpack.from_dlpack(x.__dlpack__())


def to_device(x: Tensor, device: str | None) -> Tensor:
    """The same values on a device in Keras' words."""
    if device is None:
        return x
    with tf.device(device):
        return tf.identity(x)


def namespace() -> None:
    """TensorFlow has no functions under the names of the array API standard."""


def gradients(
    function: Callable[[Sequence[Tensor]], Tensor],
    variables: Sequence[Any],
    arrays: Sequence[Tensor],
) -> tuple[Tensor, Sequence[Tensor], Sequence[Tensor]]:
    """The number that `function(arrays)` is, its gradients by Keras' variables, and by arrays."""
    wanted = [*(v.value for v in variables), *arrays]
    with tf.GradientTape() as tape:
        tape.watch(arrays)
        value = function(arrays)
    # what has no part in y, as Δt in an LSTM, has a gradient of zeros
    found = tape.gradient(value, wanted, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    found = [tf.convert_to_tensor(gradient) for gradient in found]
    return value, found[: len(variables)], found[len(variables) :]


def finished(arrays: Sequence[Tensor]) -> Sequence[Tensor]:
    """The tensors: those of a CPU are computed already."""
    return arrays


def pullback(
    function: Callable[[Sequence[Tensor]], Sequence[Tensor]], arrays: Sequence[Tensor]
) -> tuple[Sequence[Tensor], Callable[[Sequence[Tensor]], Sequence[Tensor]]]:
    """What `function(arrays)` gives, and the function from cotangents to gradients by arrays."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(arrays)
        outputs = function(arrays)

    def pull(cotangents: Sequence[Tensor]) -> Sequence[Tensor]:
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(outputs, arrays, cotangents, unconnected_gradients=zero)
        return [tf.convert_to_tensor(gradient) for gradient in found]

    return outputs, pull
