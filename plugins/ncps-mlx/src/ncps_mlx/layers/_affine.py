"""Holders of arrays: the layers read them and do the arithmetic."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn


class Affine(nn.Module):
    """weight (out, in) and bias (out), as in `mlx.nn.Linear`, but never quantised."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = mx.zeros((outputs, inputs))
        self.bias = mx.zeros((outputs,))

    def _extra_repr(self) -> str:
        return f"inputs={self.weight.shape[1]}, outputs={self.weight.shape[0]}"


class Gates(nn.Module):
    """Gates side by side, as in `mlx.nn.LSTM`: for four Wx (4H, D), Wh (4H, H), bias (4H)."""

    def __init__(self, input_size: int, units: int, use_bias: bool = True, number: int = 4) -> None:
        super().__init__()
        self.Wx = mx.zeros((number * units, input_size))
        self.Wh = mx.zeros((number * units, units))
        if use_bias:
            self.bias = mx.zeros((number * units,))

    @property
    def arrays(self) -> tuple[mx.array, mx.array, mx.array | None]:
        """Wx, Wh, and the bias or None."""
        return self.Wx, self.Wh, self.get("bias")

    def _extra_repr(self) -> str:
        return f"inputs={self.Wx.shape[1]}, units={self.Wh.shape[1]}, bias={'bias' in self}"
