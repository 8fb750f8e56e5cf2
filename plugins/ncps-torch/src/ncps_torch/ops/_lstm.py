"""LSTM over a sequence: the input's projection for all steps at once, then the recurrence."""

from __future__ import annotations

from torch import Tensor

from ncps_torch.kernels import lstm_plain


def lstm(
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None,
    x: Tensor,
    states: tuple[Tensor, ...],
) -> tuple[Tensor, Tensor]:
    """The states h, c (T, B, H) after every step of x (T, B, D)."""
    h, c = states
    return lstm_plain(x, h, c, weight_ih.t(), weight_hh.t(), bias)
