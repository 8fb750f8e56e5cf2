r"""The sLSTM recurrence as its equations say: the plain twin of `_slstm_scan`.

.. math::
    i, f, z, o = p_t + h R,\quad a = \log\sigma(f) + m,\quad m' = \max(i, a)

    c' = e^{a - m'} c + e^{i - m'} \tanh z,\quad n' = e^{a - m'} n + e^{i - m'},\quad
    h' = \sigma(o)\, c' / n'

Where n = 0 the state is empty, and m stands for −∞.

Shapes: p (B, T, 4, N, D) for N heads, the gates in the order i, f, z, o; R (N, D, 4, D), from h to
gates; h, c, n, m (B, N, D); h after every step (B, T, N, D). i = −∞ and f = ∞ in p leave c, n and m
as they are. Half precision is computed in float32, and the state stays in float32. m is a constant
for derivatives: it cancels in h.

Every operation is a differentiable one: this runs under torch.func, export and double backward.
Held to the float64 reference by the conformance kit.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


class ScalarState(NamedTuple):
    """The output h, the memory c, its normaliser n and the stabiliser m."""

    h: Tensor
    c: Tensor
    n: Tensor
    m: Tensor


def slstm_plain(p: Tensor, R: Tensor, state: ScalarState) -> tuple[Tensor, ScalarState]:
    """h after every step, and the last state."""
    dtype, wide = p.dtype, state.c.dtype
    R, outputs = R.to(wide), []
    columns, shape = R.flatten(2), (len(R), p.shape[0], *R.shape[2:])
    for p_t in p.to(wide).unbind(1):
        recurrent = torch.bmm(state.h.transpose(0, 1), columns).view(shape)
        state = slstm_step(p_t + recurrent.permute(1, 2, 0, 3), state)
        outputs.append(state.h)
    return torch.stack(outputs, 1).to(dtype), state


def slstm_step(u: Tensor, state: ScalarState) -> ScalarState:
    """The new state from the gates before their activations, u (B, 4, N, D)."""
    _, c, n, m = state
    i, f, z, o = u.unbind(1)
    empty = n == 0
    a = logsigmoid(f) + m.detach()
    new = torch.where(empty, i, torch.maximum(i, a)).detach()
    I = torch.exp(i - new)  # noqa: E741
    F = torch.where(empty, 0, torch.exp(torch.where(empty, 0, a - new)))
    c = F * c + I * torch.tanh(z)
    n = F * n + I
    return ScalarState(torch.sigmoid(o) * c / n, c, n, new)
