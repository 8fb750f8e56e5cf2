"""The modules that the layers are made of; each holds its tensors, most know how to use them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ncps_xlstm.torch import ops


class Norm(nn.Module):
    """A layer norm in each of `groups` of the features, or an RMS norm over all."""

    def __init__(
        self, size: int, epsilon: float, *, bias: bool = False, groups: int = 1, rms: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size))
        self.bias = nn.Parameter(torch.empty(size)) if bias else None
        self.epsilon, self.groups, self.rms = epsilon, groups, rms

    def forward(self, x: Tensor) -> Tensor:
        """x (…, N) scaled, moved, and as wide as it came."""
        # means of half precision are taken in single precision
        wide = x if x.dtype == torch.float64 else x.float()
        weight = ops.cast(self.weight, wide.dtype)
        norm = functional.rms_norm if self.rms else functional.layer_norm
        if self.groups > 1:
            parts = wide.reshape(*x.shape[:-1], self.groups, x.shape[-1] // self.groups)
            y = norm(parts, parts.shape[-1:], None, eps=self.epsilon).flatten(-2) * weight
        else:
            y = norm(wide, x.shape[-1:], weight, eps=self.epsilon)
        return ops.cast(y if self.bias is None else y + self.bias, x.dtype)

    def extra_repr(self) -> str:
        """Size and kind."""
        kind = "rms" if self.rms else f"groups={self.groups}"
        return f"{self.weight.shape[0]}, eps={self.epsilon}, {kind}, bias={self.bias is not None}"


class Convolution(nn.Module):
    """Weight (N, 1, K) and bias (N,) of a causal depthwise convolution; `ops.convolved` runs it."""

    def __init__(self, size: int, kernel_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size, 1, kernel_size))
        self.bias = nn.Parameter(torch.empty(size))


class BlockDiagonal(nn.Module):
    """A linear map of N features whose matrix has the blocks (N / b, b, b) and else zeros."""

    def __init__(self, blocks: int, size: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(blocks, size, size))
        self.bias = nn.Parameter(torch.empty(blocks * size)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """x (…, N) → (…, N)."""
        y = by_block(x, self.weight)
        return y if self.bias is None else y + ops.cast(self.bias, y.dtype)


class Gate(nn.Module):
    """What a gate of an sLSTM reads: x, the h before it by heads, and a bias."""

    def __init__(self, weight: tuple[int, ...], recurrent: tuple[int, ...], bias: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(weight))
        self.recurrent_weight = nn.Parameter(torch.empty(recurrent))
        self.bias = nn.Parameter(torch.empty(bias))


class FeedForward(nn.Module):
    """(φ(x W_gate) ⊙ x W_up) W_down."""

    def __init__(self, sizes: tuple[int, int], phi: Any, bias: bool) -> None:
        super().__init__()
        size, hidden = sizes
        self.gate = nn.Linear(size, hidden, bias=bias)
        self.up = nn.Linear(size, hidden, bias=bias)
        self.down = nn.Linear(hidden, size, bias=bias)
        self._phi = phi

    def forward(self, x: Tensor) -> Tensor:
        """x (…, D) → (…, D)."""
        y: Tensor = self.down(self._phi(self.gate(x)) * self.up(x))
        return y


def by_block(x: Tensor, blocks: Tensor) -> Tensor:
    """x (…, N·d) times the block diagonal matrix with the blocks (N, d, d)."""
    number, size, _ = blocks.shape
    blocks = ops.cast(blocks, x.dtype)
    if x.shape[:-1].numel() == 1:
        # a step of one row needs no other order of axes
        return torch.bmm(x.reshape(number, 1, size), blocks).reshape(x.shape)
    rows = x.reshape(-1, number, size).transpose(0, 1)
    return torch.bmm(rows, blocks).transpose(0, 1).reshape(x.shape)


def capped(x: Tensor, cap: float | None) -> Tensor:
    """c tanh(x / c), or x where there is no cap."""
    return x if cap is None else cap * torch.tanh(x / cap)


def true_sizes(module: nn.Module) -> None:
    """Let linear maps that were made before the input size was known say their sizes."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            part.out_features, part.in_features = part.weight.shape
