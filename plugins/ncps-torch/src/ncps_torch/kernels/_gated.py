r"""RNN and GRU over a sequence, as their equations say, for autograd.

.. math::
    \text{RNN: } h' = \phi(x W + h R + b)

    \text{GRU: } r, z = \sigma(x W_{r,z} + h R_{r,z} + b_{r,z}),\quad
    n = \tanh(x W_n + b_n + r \odot (h R_n + c_n)),\quad h' = n + z \odot (h - n)

Without `reset_after`: n = tanh(x W_n + b_n + (r ⊙ h) R_n).

Shapes, time first: x (T, B, D); W (D, n·H), R (H, n·H), b (n·H) or none, with n = 1 or 3 gates in
the order r, z, n; c_n (H) or none; h (B, H).

Held to the float64 reference by the conformance kit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ncps_torch.kernels._activations import Activation


def rnn_plain(
    phi: Activation, x: Tensor, h: Tensor, W: Tensor, R: Tensor, b: Tensor | None
) -> Tensor:
    """The states h (T, B, H) after every step."""
    history = []
    for p in _project(x, W, b).unbind(0):
        h = phi(torch.addmm(p, h, R))
        history.append(h)
    return torch.stack(history)


def gru_plain(
    x: Tensor,
    h: Tensor,
    weights: tuple[Tensor, Tensor, Tensor | None],
    c: Tensor | None,
    reset_after: bool,
) -> Tensor:
    """The states h (T, B, H) after every step; weights are W, R, b."""
    W, R, b = weights
    units = h.shape[-1]
    R_rz, R_n = R[:, : 2 * units], R[:, 2 * units :]
    steps = torch.split(_project(x, W, b), [2 * units, units], dim=-1)
    history = []
    for p_rz, p_n in zip(*(part.unbind(0) for part in steps), strict=True):
        r, z = torch.sigmoid(torch.addmm(p_rz, h, R_rz)).chunk(2, dim=-1)
        if not reset_after:
            n = torch.tanh(torch.addmm(p_n, r * h, R_n))
        else:
            n = torch.tanh(p_n + r * (h @ R_n if c is None else torch.addmm(c, h, R_n)))
        h = n + z * (h - n)
        history.append(h)
    return torch.stack(history)


def _project(x: Tensor, W: Tensor, b: Tensor | None) -> Tensor:
    return x @ W if b is None else x @ W + b
