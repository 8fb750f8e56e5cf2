"""The modules that the layers are made of; each holds its tensors, most know how to use them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ncps_hyena.specs import HyenaSpec


class Norm(nn.LayerNorm):
    """A layer norm, in the dtype of what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        """x (…, D) → (…, D)."""
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        return functional.layer_norm(x, self.normalized_shape, weight, bias, self.eps)


class Short(nn.Module):
    """The taps (D, K) and biases (D,) of a short convolution; `ops` runs it."""

    def __init__(self, size: int, taps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size, taps))
        self.bias = nn.Parameter(torch.empty(size))

    def extra_repr(self) -> str:
        """Features and taps."""
        size, taps = self.weight.shape
        return f"{size}, taps={taps}"


class Projection(nn.Module):
    """A linear map, and the short convolution behind it; `ops` runs all of an operator at once."""

    def __init__(self, size: int, taps: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, size)
        self.short = Short(size, taps)


class FilterNetwork(nn.Module):
    """The maps `hidden_0`, `hidden_1`, … that the filters of all convolutions share."""

    def __init__(self, spec: HyenaSpec) -> None:
        super().__init__()
        width, sizes = spec.filter_order, [spec.emb_dim, *[spec.filter_order] * spec.num_inner]
        for j, size in enumerate(sizes):
            self.add_module(f"hidden_{j}", nn.Linear(size, width))
        self.frequency = nn.Parameter(torch.empty(width)) if spec.learn_frequency else None
        table = (spec.l_max, spec.emb_dim)
        self.positions = nn.Parameter(torch.empty(table)) if spec.learn_positions else None


class LongConvolution(nn.Module):
    """The last maps of the filters, the skip (D,), and a learned decay (D,)."""

    def __init__(self, spec: HyenaSpec) -> None:
        super().__init__()
        size, width = spec.features, spec.filter_order
        self.kernel = nn.Linear(width, size, bias=False)
        self.reverse_kernel = nn.Linear(width, size, bias=False) if spec.bidirectional else None
        self.skip = nn.Parameter(torch.empty(size))
        self.delta = nn.Parameter(torch.empty(size)) if spec.learn_decay else None


class FeedForward(nn.Module):
    """gelu(x W_up + b_up) W_down + b_down, with the GELU's tanh approximation."""

    def __init__(self, size: int, inner: int) -> None:
        super().__init__()
        self.up = nn.Linear(size, inner)
        self.down = nn.Linear(inner, size)

    def forward(self, x: Tensor) -> Tensor:
        """x (…, D) → (…, D)."""
        y: Tensor = self.down(functional.gelu(self.up(x), approximate="tanh"))
        return y
