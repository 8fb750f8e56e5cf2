"""Holders of parameters: the layers read them and do the arithmetic."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Affine(nn.Module):
    """weight (out, in) and bias (out), as in `torch.nn.Linear`."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None

    def cast(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Weight and bias in the dtype of a computation."""
        assert self.bias is not None, "only the memory's recurrent map has no bias"
        return self.weight.to(dtype), self.bias.to(dtype)


class Memory(nn.Module):
    """The LSTM cell of mixed memory, as in ncps 1.0.1: gates cell, input, forget, output."""

    def __init__(self, input_size: int, units: int) -> None:
        super().__init__()
        self.input_map = Affine(input_size, 4 * units)
        self.recurrent_map = Affine(units, 4 * units, bias=False)

    def cast(self, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """W, R, b with the gates in the order input, forget, cell, output."""
        W, b = self.input_map.cast(dtype)
        return _reordered(W), _reordered(self.recurrent_map.weight.to(dtype)), _reordered(b)


def _reordered(gates: Tensor) -> Tensor:
    cell, *others = gates.chunk(4)
    i, f, o = others
    return torch.cat([i, f, cell, o])
