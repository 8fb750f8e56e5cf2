"""What the operations of `ncps.neural` mean, in plain NumPy float64, and their slopes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Call = Callable[..., Any]
_erf = np.vectorize(math.erf)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))


def log_softmax(x, axis=-1):
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


ACTIVATIONS = {
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1.0),
    "gelu": gelu,
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "lecun_tanh": lambda x: 1.7159 * np.tanh(0.666 * x),
    "linear": lambda x: x,
    "relu": lambda x: x * (x > 0),
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "softplus": lambda x: np.log(1.0 + np.exp(x)),
    "tanh": np.tanh,
}


def standard(x, axis, eps=1e-5):
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + eps)


def group_norm(x, weight, bias):
    parts = [standard(part, (1, 2)) for part in np.split(x, 3, axis=-1)]
    return np.concatenate(parts, axis=-1) * weight + bias


def rope(x, offset=0, base=10_000.0):
    pairs = x.shape[-1] // 2
    pair = x[..., :pairs] + 1j * x[..., pairs:]
    at = np.arange(x.shape[-2]) + offset
    turned = pair * np.exp(1j * at[:, None] * base ** (-2.0 * np.arange(pairs) / x.shape[-1]))
    return np.concatenate([turned.real, turned.imag], axis=-1)


def attention(q, k, v, allowed=None, bias=0.0, scale=None):
    """One query at a time; what sees nothing is 0."""
    heads, groups = q.shape[1], k.shape[1]
    y = np.zeros((*q.shape[:3], v.shape[-1]))
    seen = np.ones((*q.shape[:3], k.shape[2]), bool)
    seen = seen if allowed is None else seen & allowed
    bias = np.broadcast_to(bias, seen.shape)
    for b, h, t in np.ndindex(q.shape[:3]):
        keys, values = k[b, h * groups // heads], v[b, h * groups // heads]
        here = seen[b, h, t]
        scores = keys[here] @ q[b, h, t] * (q.shape[-1] ** -0.5 if scale is None else scale)
        weights = np.exp(scores + bias[b, h, t][here])
        if here.any():
            y[b, h, t] = weights @ values[here] / weights.sum()
    return y


def past(queries, keys):
    return np.arange(keys) <= np.arange(queries)[:, None] + keys - queries


def alibi(heads, queries, keys):
    gap = np.abs(np.arange(queries)[:, None] + keys - queries - np.arange(keys))
    return -np.array([2.0 ** (-8.0 * (h + 1) / heads) for h in range(heads)])[:, None, None] * gap


def several_heads(x, context, wq, wk, wv, wo, bq):
    def heads(z):
        return z.reshape(*z.shape[:2], -1, 4).transpose(0, 2, 1, 3)

    y = attention(heads(x @ wq + bq), heads(context @ wk), heads(context @ wv))
    return y.transpose(0, 2, 1, 3).reshape(*x.shape[:2], -1) @ wo


MASK = np.array([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool)[:, None, None, :]
CLASSES = np.array([[0, 3, 1], [2, 2, 0]])
INDICES = np.array([[1, 4, 1], [0, 2, 2]])
WEIGHTS = np.array([[1.0, 0.0, 2.0], [0.5, 1.0, 0.0]])


def picked(x):
    return -np.take_along_axis(log_softmax(x), CLASSES[..., None], -1)[..., 0]


def smoothed(x):
    told = log_softmax(x)
    target = np.full(x.shape, 0.1 / x.shape[-1])
    np.put_along_axis(target, CLASSES[..., None], 0.9 + 0.1 / x.shape[-1], -1)
    return -(target * told).sum(-1)


def huber(p, t):
    gap = np.abs(p - t)
    return np.where(gap <= 0.5, gap**2 / 2, 0.5 * (gap - 0.25))


def entropy(p, t):
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


def slope(meaning: Call, inputs: list[np.ndarray], cotangent: np.ndarray) -> list[np.ndarray]:
    """The gradient of Σ cotangent · meaning by each input, from central differences."""
    step, found = 1e-5, []
    for i, array in enumerate(inputs):
        gradient = np.zeros(array.shape)
        for at in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = array.copy()
                moved[at] += sign * step
                ends.append((cotangent * meaning(*inputs[:i], moved, *inputs[i + 1 :])).sum())
            gradient[at] = (ends[0] - ends[1]) / (2 * step)
        found.append(gradient)
    return found
