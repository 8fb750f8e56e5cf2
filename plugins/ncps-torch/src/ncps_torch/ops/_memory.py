"""The LSTM cell of mixed memory: what its loop can have ready."""

from __future__ import annotations

import torch
from torch import Tensor

from ncps_torch.kernels import lstm_step

# the forget gate starts open: ncps 1.0.1 adds this to its bias
FORGET_OFFSET = 1.0

Memory = tuple[Tensor, Tensor, Tensor]


def memory_inputs(memory: Memory, x: Tensor) -> Tensor:
    """What x (…, D) gives to the gates (…, 4·H)."""
    W, _, b = memory
    i, f, g, o = b.chunk(4)
    return x @ W.t() + torch.cat([i, f + FORGET_OFFSET, g, o])


def memory_step(memory: Memory, x: Tensor, states: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """One step (h, c) on its own; x (B, D)."""
    return lstm_step(memory_inputs(memory, x), *states, memory[1].t())
