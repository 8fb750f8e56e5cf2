r"""An LSTM over a sequence, as its equation says: the plain twin of `_lstm_scan`.

.. math::
    i, f, g, o = x W + h R + b,\quad c' = \sigma(f) \odot c + \sigma(i) \odot \tanh g,\quad
    h' = \sigma(o) \odot \tanh c'

Shapes, time first: x (T, B, D); W (D, 4·H), R (H, 4·H), b (4·H) or none; h, c (B, H).

Held to the float64 reference by the conformance kit.
"""

from __future__ import annotations

import torch
from torch import Tensor


def lstm_plain(
    x: Tensor, h: Tensor, c: Tensor, W: Tensor, R: Tensor, b: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The states h, c (T, B, H) after every step."""
    p = x @ W if b is None else x @ W + b
    history = []
    for p_t in p.unbind(0):
        h, c = lstm_step(p_t, h, c, R)
        history.append((h, c))
    hs, cs = zip(*history, strict=True)
    return torch.stack(hs), torch.stack(cs)


def lstm_step(p: Tensor, h: Tensor, c: Tensor, R: Tensor) -> tuple[Tensor, Tensor]:
    """The new (h, c) from x's part p (B, 4·H)."""
    i, f, g, o = torch.addmm(p, h, R).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
