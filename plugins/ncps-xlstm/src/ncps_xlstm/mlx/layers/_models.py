"""xLSTMBlockStack, and the language models xLSTMLM and xLSTMLarge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from ncps.specs import inputs, undrawn
from ncps_xlstm.mlx import ops
from ncps_xlstm.mlx.layers._base import Sequence, States
from ncps_xlstm.mlx.layers._blocks import mLSTMBlock, sLSTMBlock, xLSTMLargeBlock
from ncps_xlstm.mlx.layers._parts import Norm, capped
from ncps_xlstm.specs import xLSTMBlockStack as xLSTMBlockStackSpec
from ncps_xlstm.specs import xLSTMLarge as xLSTMLargeSpec
from ncps_xlstm.specs import xLSTMLM as xLSTMLMSpec

BLOCKS = {
    "mLSTMBlock": mLSTMBlock,
    "sLSTMBlock": sLSTMBlock,
    "xLSTMLargeBlock": xLSTMLargeBlock,
}


class xLSTMBlockStack(Sequence):
    """Residual blocks one after the other and a norm; see `ncps_xlstm.specs.xLSTMBlockStack`.

    Shape: x (B, T, D) → y (B, T, D); the state is y (B, D) and then each block's but its y.
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    Source: the PyPI package xlstm 2.0.6.
    """

    sizes = ("input_size", "num_blocks")
    spec: xLSTMBlockStackSpec

    def _structure(self) -> None:
        self.blocks = _made(self.spec)
        if self.spec.final_norm:
            self.norm = Norm(self.spec.known_input_size(), self.spec.epsilon)

    def through(
        self, x: mx.array, states: States, behind: ops.Behind | None
    ) -> tuple[mx.array, States]:
        """All blocks, and the norm."""
        y, new = _run(self.blocks, x, states, behind)
        return (self.norm(y) if self.spec.final_norm else y), new


class _LanguageModel(Sequence):
    """A table of tokens, blocks, a norm and a head."""

    sizes = ("vocab_size", "units", "num_blocks")
    # a LanguageModelSpec
    spec: Any

    def _structure(self) -> None:
        spec = self.spec
        self.embedding = nn.Embedding(spec.vocab_size, spec.units)
        self.dropout = nn.Dropout(self._embedding_dropout)
        self.blocks = _made(spec)
        if spec.final_norm:
            self.norm = self._norm()
        if spec.has_kernel:
            self.head = nn.Linear(spec.units, spec.vocab_size, bias=False)

    @property
    def _embedding_dropout(self) -> float:
        return 0.0

    def _norm(self) -> Norm:
        raise NotImplementedError(f"{type(self).__name__} must define _norm")

    def __call__(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
    ) -> Any:
        """Run tokens x (B, T) or (T,); see the class for the shapes."""
        spec, kit = self.spec, ops.kit
        with kit.on_device(self._device):
            given = x
            x = kit.as_array(x)
            axes = inputs.sequence_axes(spec, x.shape)
            dtype = kit.DTYPES[self.dtype]
            initial = kit.initial_states(spec, axes, state, dtype)
            dt = kit.elapsed(spec, axes, timespans, timestamps, dtype)
            times = kit.Times(dt, kit.real_steps(spec, axes, mask))
            if times.mask is not None:
                # a masked step may hold any number
                real = times.mask.reshape(x.shape)
                given = mx.where(real, x, mx.zeros_like(x))
            # plain numbers are checked as such
            x = kit.indices(spec.embedding, given).reshape(axes.batch, axes.steps)
            rows = self.dropout(self.embedding(x))
            y, states = self.scan(rows, initial, times, spec.return_sequences)
            y = y if axes.batched else y[0]
            return (y, self._given(states, axes.batched)) if spec.return_state else y

    def through(
        self, x: mx.array, states: States, behind: ops.Behind | None
    ) -> tuple[mx.array, States]:
        """All blocks, the norm and the head."""
        spec = self.spec
        y, new = _run(self.blocks, x, states, behind)
        y = self.norm(y) if spec.final_norm else y
        if spec.has_kernel:
            return self.head(y), new
        return (y if spec.head is None else self.embedding.as_linear(y)), new


class xLSTMLM(_LanguageModel):
    """A language model on a stack of blocks; see `ncps_xlstm.specs.xLSTMLM`.

    Shape: tokens x (B, T) → logits y (B, T, V); the state is y (B, V) and each block's but its y.
    Raises: ShapeError for wrong shapes; IndicesError for what is no token.
    Source: the PyPI package xlstm 2.0.6.
    """

    spec: xLSTMLMSpec

    @property
    def _embedding_dropout(self) -> float:
        return float(self.spec.dropout) if self.spec.embedding_dropout else 0.0

    def _norm(self) -> Norm:
        return Norm(self.spec.units, self.spec.epsilon)


class xLSTMLarge(_LanguageModel):
    """The language model of xLSTM 7B, of any size; see `ncps_xlstm.specs.xLSTMLarge`.

    Shape: tokens x (B, T) → logits y (B, T, V); the state is y (B, V) and each block's but its y.
    Raises: ShapeError for wrong shapes; IndicesError for what is no token.
    Source: Beck et al. 2025, arXiv:2503.13427.
    """

    spec: xLSTMLargeSpec

    def _norm(self) -> Norm:
        return Norm(self.spec.units, self.spec.epsilon, bias=self.spec.use_bias, rms=True)

    def through(
        self, x: mx.array, states: States, behind: ops.Behind | None
    ) -> tuple[mx.array, States]:
        """The same, and the cap on the logits."""
        y, new = super().through(x, states, behind)
        return (y if self.spec.head is None else capped(y, self.spec.logit_soft_cap)), new


def _made(spec: Any) -> list[Any]:
    # the values come afterwards, from the whole layer's
    with undrawn():
        return [BLOCKS[block.layer](block, seed=0) for block in spec.blocks]


def _run(
    blocks: Iterable[Any], x: mx.array, states: States, behind: ops.Behind | None
) -> tuple[mx.array, States]:
    rest, new = list(states), list[mx.array]()
    for block in blocks:
        size = len(block.spec.state_shapes()) - 1
        own, rest = tuple(rest[:size]), rest[size:]
        x, kept = block.through(x, own, behind)
        new += kept
    return x, tuple(new)
