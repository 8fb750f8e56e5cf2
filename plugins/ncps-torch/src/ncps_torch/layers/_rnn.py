"""RNN and its cell: Elman's simple recurrent network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ncps.specs import RNN as RNNSpec
from ncps.specs import RNNCell as RNNCellSpec
from ncps_torch import ops
from ncps_torch.layers._recurrent import Cell, Sequence, States


class _RNN:
    """What the cell and the sequence share."""

    spec: Any
    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor | None

    def _structure(self, spec: Any) -> None:
        self.weight_ih = nn.Parameter(torch.empty(spec.units, spec.known_input_size()))
        self.weight_hh = nn.Parameter(torch.empty(spec.units, spec.units))
        self.bias = nn.Parameter(torch.empty(spec.units)) if spec.use_bias else None

    def _run(self, x: Tensor, states: States, dt: Tensor | None) -> States:
        phi = ops.ACTIVATIONS[self.spec.activation]
        W, R = self.weight_ih.to(x.dtype).t(), self.weight_hh.to(x.dtype).t()
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return (ops.rnn_plain(phi, x, states[0], W, R, bias),)


class RNNCell(_RNN, Cell):
    r"""One step of a simple recurrent network.

    .. math:: h' = \phi(x W + h R + b),\quad \phi = \tanh \text{ or } \mathrm{relu}

    Shape: x (B, D), state h (B, H) → y (B, H) = h', and the new state. `timespans` is checked and
    has no effect: an RNN knows no time.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    """

    spec: RNNCellSpec


class RNN(_RNN, Sequence):
    """Simple recurrent network over a sequence; the equation is that of `RNNCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; state h (B, H).
    `timespans` and `timestamps` are checked and have no effect.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: RNNSpec
