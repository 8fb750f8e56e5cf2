"""The modules that the layers are made of; each holds its arrays, most know how to use them."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn


class Norm(nn.Module):
    """A layer norm in each of `groups` of the features, or an RMS norm over all."""

    def __init__(
        self, size: int, epsilon: float, *, bias: bool = False, groups: int = 1, rms: bool = False
    ) -> None:
        super().__init__()
        self.weight = mx.ones(size)
        if bias:
            self.bias = mx.zeros(size)
        self.epsilon, self.groups, self.rms = epsilon, groups, rms

    def __call__(self, x: mx.array) -> mx.array:
        """x (…, N) scaled, moved, and as wide as it came."""
        parts = x.reshape(*x.shape[:-1], self.groups, -1)
        # means of half precision are taken in single precision
        if self.rms:
            y = mx.fast.rms_norm(parts.astype(mx.float32), None, self.epsilon)
        else:
            y = mx.fast.layer_norm(parts.astype(mx.float32), None, None, self.epsilon)
        y = y.reshape(x.shape) * self.weight
        return (y + self.bias if "bias" in self else y).astype(x.dtype)

    def _extra_repr(self) -> str:
        kind = "rms" if self.rms else f"groups={self.groups}"
        return f"{self.weight.shape[0]}, eps={self.epsilon}, {kind}, bias={'bias' in self}"


class Convolution(nn.Module):
    """Weight (N, K, 1) and bias (N,) of a causal depthwise convolution; `ops.convolved` runs it."""

    def __init__(self, size: int, kernel_size: int) -> None:
        super().__init__()
        self.weight = mx.zeros((size, kernel_size, 1))
        self.bias = mx.zeros(size)


class BlockDiagonal(nn.Module):
    """A linear map of N features whose matrix has the blocks (N / b, b, b) and else zeros."""

    def __init__(self, blocks: int, size: int, bias: bool) -> None:
        super().__init__()
        self.weight = mx.zeros((blocks, size, size))
        if bias:
            self.bias = mx.zeros(blocks * size)

    def __call__(self, x: mx.array) -> mx.array:
        """x (…, N) → (…, N)."""
        y = by_block(x, self.weight)
        return y + self.bias if "bias" in self else y


class Gate(nn.Module):
    """What a gate of an sLSTM reads: x, the h before it by heads, and a bias."""

    def __init__(self, weight: tuple[int, ...], recurrent: tuple[int, ...], bias: int) -> None:
        super().__init__()
        self.weight = mx.zeros(weight)
        self.recurrent_weight = mx.zeros(recurrent)
        self.bias = mx.zeros(bias)


class FeedForward(nn.Module):
    """(φ(x W_gate) ⊙ x W_up) W_down."""

    def __init__(self, sizes: tuple[int, int], phi: Any, bias: bool) -> None:
        super().__init__()
        size, hidden = sizes
        self.gate = nn.Linear(size, hidden, bias=bias)
        self.up = nn.Linear(size, hidden, bias=bias)
        self.down = nn.Linear(hidden, size, bias=bias)
        self._phi = phi

    def __call__(self, x: mx.array) -> mx.array:
        """x (…, D) → (…, D)."""
        y: mx.array = self.down(self._phi(self.gate(x)) * self.up(x))
        return y


def by_block(x: mx.array, blocks: mx.array) -> mx.array:
    """x (…, N·d) times the block diagonal matrix with the blocks (N, d, e): (…, N·e)."""
    rows = x.reshape(-1, blocks.shape[0], blocks.shape[1]).swapaxes(0, 1)
    return (rows @ blocks).swapaxes(0, 1).reshape(*x.shape[:-1], -1)


def capped(x: mx.array, cap: float | None) -> mx.array:
    """c tanh(x / c), or x where there is no cap."""
    return x if cap is None else cap * mx.tanh(x / cap)
