"""The package's blocks from any state to the next: (block, x (B, T, D), states) → y, new states.

Its mLSTM blocks hand on a state step by step only; its steps change what they are given, so that
they are given copies. A memory is its numbers times e^m; for derivatives m is a constant, here as
in every technology, while the package differentiates it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ncps_xlstm.original._modules import see

States = tuple[Tensor, ...]

# far below any exponent, and its distance to one is no infinity
_NOTHING = -1e4


def slstm_block(spec: Any, block: Any, x: Tensor, states: States) -> tuple[Tensor, States]:
    """The residual block around an sLSTM."""
    *conv, h, c, n, m = states
    # the package asks whether all rows of a batch are empty, not each
    m = torch.where(n == 0, _NOTHING, m.detach())
    mixed, kept = block.xlstm(
        block.xlstm_norm(x),
        conv_state=conv[0] if conv else None,
        slstm_state=torch.stack((h, c, n, m)),
        return_last_state=True,
    )
    y = x + mixed
    if block.ffn is not None:
        y = y + block.ffn(block.ffn_norm(y))
    h, c, n, m = kept["slstm_state"].unbind()
    return y, (*([kept["conv_state"]] if conv else []), h, *_constant(m, c, n))


def mlstm_block(spec: Any, block: Any, x: Tensor, states: States) -> tuple[Tensor, States]:
    """The residual block around an mLSTM, step by step."""
    conv, C, n, m = states
    n, m, outputs = n[..., None], m.detach()[..., None, None], list[Tensor]()
    for t in range(x.shape[1]):
        # the package keeps one more input, which it drops before it looks at it
        window = torch.cat((torch.zeros_like(conv[:, :1]), conv), dim=1)
        y, kept = block.step(x[:, t : t + 1], conv_state=(window,), mlstm_state=(C, n, m))
        outputs.append(y)
        conv = kept["conv_state"][0][:, 1:]
        C, n, m = kept["mlstm_state"]
    return torch.cat(outputs, dim=1), (conv, *_constant(m[..., 0, 0], C, n[..., 0]))


def whole_mlstm_block(block: Any, x: Tensor) -> Tensor:
    """The same from the empty state on, in the package's parallel form, which gives no state."""
    size = x.shape[1]
    see(block, torch.ones(size, size, dtype=torch.bool, device=x.device).tril())
    y: Tensor = block(x)
    return y


def large_block(spec: Any, block: Any, x: Tensor, states: States) -> tuple[Tensor, States]:
    """A block of xLSTM Large, which divides the queries by √dk where our memory has it in keys."""
    C, n, m = states
    root = math.sqrt(spec.key_dim)
    y, (C, n, m) = block(x, (root * C, root * n, m.detach()[..., None]))
    return y, _constant(m.reshape(states[2].shape), C / root, n / root)


def _constant(m: Tensor, *memory: Tensor) -> States:
    """The same memory, with derivatives as if m were a constant."""
    one = torch.exp(m - m.detach())
    scaled = (a * one.reshape(*m.shape, *[1] * (a.dim() - m.dim())) for a in memory)
    return (*scaled, m.detach())


RUN = {"sLSTMBlock": slstm_block, "mLSTMBlock": mlstm_block, "xLSTMLargeBlock": large_block}
