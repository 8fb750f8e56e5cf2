"""LSTM over a sequence: the input's projection for all steps at once, then the recurrence."""

from __future__ import annotations

from torch import Tensor

from ncps_torch.kernels import LSTMScan, lstm_forward, lstm_plain
from ncps_torch.ops._modes import in_transform, wants_gradient


def lstm(
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None,
    x: Tensor,
    states: tuple[Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """The states h, c (T, B, H) after every step of x (T, B, D)."""
    flat = (x, *states, weight_ih.t(), weight_hh.t(), bias)
    if x.shape[0] == 1 or in_transform():
        return lstm_plain(*flat)
    if wants_gradient(flat):
        after: tuple[Tensor, Tensor] = LSTMScan.apply(*flat)  # type: ignore[no-untyped-call]
        return after
    return lstm_forward(*flat)
