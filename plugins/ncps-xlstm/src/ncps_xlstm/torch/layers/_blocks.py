"""The residual blocks: sLSTMBlock, mLSTMBlock, xLSTMLargeBlock."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ncps_xlstm.specs import mLSTMBlock as mLSTMBlockSpec
from ncps_xlstm.specs import sLSTMBlock as sLSTMBlockSpec
from ncps_xlstm.specs import xLSTMLargeBlock as xLSTMLargeBlockSpec
from ncps_xlstm.torch import ops
from ncps_xlstm.torch.layers._base import Sequence, States
from ncps_xlstm.torch.layers._parts import (
    BlockDiagonal,
    Convolution,
    FeedForward,
    Gate,
    Norm,
    by_block,
    capped,
)
from ncps_xlstm.torch.layers._slstm import ORDER


class sLSTMBlock(Sequence):
    """An sLSTM between norms, and a feed-forward layer; see `ncps_xlstm.specs.sLSTMBlock`.

    Shape: x (B, T, D) → y (B, T, D); state y (B, D), conv (B, K - 1, D), h, c, n, m, each (B, D).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    Source: Beck et al. 2024, arXiv:2405.04517, figure 10.
    """

    spec: sLSTMBlockSpec

    def _structure(self, spec: Any) -> None:
        D, NH = spec.known_input_size(), spec.num_heads
        head = (NH, D // NH, D // NH)
        self.norm = Norm(D, spec.epsilon)
        self.conv = Convolution(D, spec.kernel_size) if spec.kernel_size else None
        for gate in ORDER:
            setattr(self, gate, Gate(head, head, D))
        self.cell_norm = Norm(D, spec.epsilon, groups=NH)
        self.dropout = nn.Dropout(spec.dropout)
        if spec.feed_forward:
            self.ffn_norm = Norm(D, spec.epsilon)
            phi = ops.ACTIVATIONS[spec.activation]
            self.ffn = FeedForward((D, spec.hidden_size), phi, spec.use_bias)

    def through(
        self, x: Tensor, states: States, behind: ops.Behind | None
    ) -> tuple[Tensor, States]:
        """The sLSTM and the feed-forward layer, each added to what they read."""
        u = self.norm(x)
        smooth, conv = u, []
        if self.conv is not None:
            before, *states = states  # type: ignore[assignment]
            smooth, after = ops.convolved(u, before, self.conv.weight, self.conv.bias, behind)
            smooth, conv = functional.silu(smooth), [after]
        gates = [getattr(self, gate) for gate in ORDER]
        sources = (smooth, smooth, u, u)
        g = tuple(by_block(s, k.weight) + k.bias for s, k in zip(sources, gates, strict=True))
        h, new = ops.slstm(g, tuple(k.recurrent_weight for k in gates), tuple(states), behind)
        y = x + self.cell_norm(self.dropout(ops.cast(h, x.dtype)))
        if self.spec.feed_forward:
            y = y + self.dropout(self.ffn(self.ffn_norm(y)))
        return y, (*conv, *new)


class mLSTMBlock(Sequence):
    """An mLSTM at more features, behind a convolution; see `ncps_xlstm.specs.mLSTMBlock`.

    Shape: x (B, T, D) → y (B, T, D); state y (B, D), conv (B, K - 1, N), C (B, NH, d, d),
    n (B, NH, d) and m (B, NH).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    Source: Beck et al. 2024, arXiv:2405.04517, figure 11.
    """

    spec: mLSTMBlockSpec

    def _structure(self, spec: Any) -> None:
        D, N, bias = spec.known_input_size(), spec.inner, spec.use_bias
        self.norm = Norm(D, spec.epsilon)
        self.up = nn.Linear(D, N, bias=bias)
        self.gate = nn.Linear(D, N, bias=bias)
        self.conv = Convolution(N, spec.kernel_size)
        blocks = N // spec.block_size, spec.block_size, bias
        self.query, self.key = BlockDiagonal(*blocks), BlockDiagonal(*blocks)
        self.value = BlockDiagonal(*blocks)
        self.input_gate = nn.Linear(3 * N, spec.num_heads)
        self.forget_gate = nn.Linear(3 * N, spec.num_heads)
        self.cell_norm = Norm(N, spec.epsilon, groups=spec.num_heads)
        self.skip = nn.Parameter(torch.empty(N))
        self.down = nn.Linear(N, D, bias=bias)
        self.dropout = nn.Dropout(spec.dropout)

    def through(
        self, x: Tensor, states: States, behind: ops.Behind | None
    ) -> tuple[Tensor, States]:
        """The gated mLSTM, added to what it reads."""
        u = self.norm(x)
        inner, z = self.up(u), self.gate(u)
        c, after = ops.convolved(inner, states[0], self.conv.weight, self.conv.bias, behind)
        c = functional.silu(c)
        qkv = self.query(c), self.key(c), self.value(inner)
        every = torch.cat(qkv, dim=-1)
        gates = self.input_gate(every), self.forget_gate(every)
        h, new = ops.mlstm(self.spec, qkv, gates, states[1:], behind)
        mixed = (self.cell_norm(h) + ops.cast(self.skip, c.dtype) * c) * functional.silu(z)
        return x + self.dropout(self.down(mixed)), (after, *new)


class xLSTMLargeBlock(Sequence):
    """An mLSTM at the width of the stream, then a SwiGLU; see `ncps_xlstm.specs.xLSTMLargeBlock`.

    Shape: x (B, T, D) → y (B, T, D); state y (B, D), C (B, NH, d_k, d_v), n (B, NH, d_k)
    and m (B, NH).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    Source: Beck et al. 2025, arXiv:2503.13427, sections 3 and 4.
    """

    spec: xLSTMLargeBlockSpec

    def _structure(self, spec: Any) -> None:
        D, K, V, bias = spec.known_input_size(), spec.key_units, spec.value_units, spec.use_bias
        self.norm = Norm(D, spec.epsilon, bias=bias, rms=True)
        self.query, self.key = nn.Linear(D, K, bias=bias), nn.Linear(D, K, bias=bias)
        self.value = nn.Linear(D, V, bias=bias)
        self.input_gate = nn.Linear(D, spec.num_heads)
        self.forget_gate = nn.Linear(D, spec.num_heads)
        self.output_gate = nn.Linear(D, V, bias=bias)
        self.cell_norm = Norm(V, spec.epsilon, bias=bias, groups=spec.num_heads)
        self.output = nn.Linear(V, D, bias=bias)
        self.ffn_norm = Norm(D, spec.epsilon, bias=bias, rms=True)
        self.ffn = FeedForward((D, spec.hidden_size), functional.silu, bias)

    def through(
        self, x: Tensor, states: States, behind: ops.Behind | None
    ) -> tuple[Tensor, States]:
        """The mLSTM and the SwiGLU, each added to what they read."""
        u, cap = self.norm(x), self.spec.gate_soft_cap
        qkv = self.query(u), self.key(u), self.value(u)
        gates = capped(self.input_gate(u), cap), capped(self.forget_gate(u), cap)
        h, new = ops.mlstm(self.spec, qkv, gates, states, behind)
        y = x + self.output(self.output_gate(u).sigmoid() * self.cell_norm(h))
        return y + self.ffn(self.ffn_norm(y)), new
