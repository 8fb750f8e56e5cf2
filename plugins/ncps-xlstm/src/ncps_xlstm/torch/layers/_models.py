"""xLSTMBlockStack, and the language models xLSTMLM and xLSTMLarge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ncps.specs import inputs, undrawn
from ncps_xlstm.specs import LanguageModelSpec
from ncps_xlstm.specs import xLSTMBlockStack as xLSTMBlockStackSpec
from ncps_xlstm.specs import xLSTMLarge as xLSTMLargeSpec
from ncps_xlstm.specs import xLSTMLM as xLSTMLMSpec
from ncps_xlstm.torch import ops
from ncps_xlstm.torch.layers._base import Sequence, States
from ncps_xlstm.torch.layers._blocks import mLSTMBlock, sLSTMBlock, xLSTMLargeBlock
from ncps_xlstm.torch.layers._parts import Norm, capped

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

    def _structure(self, spec: Any) -> None:
        self.blocks = _made(spec)
        self.norm = Norm(spec.known_input_size(), spec.epsilon) if spec.final_norm else None

    def _constants(self, spec: Any) -> None:
        super()._constants(spec)
        _settle(self.blocks, spec)

    def through(
        self, x: Tensor, states: States, behind: ops.Behind | None
    ) -> tuple[Tensor, States]:
        """All blocks, and the norm."""
        y, new = _run(self.blocks, x, states, behind)
        return (y if self.norm is None else self.norm(y)), new


class _LanguageModel(Sequence):
    """A table of tokens, blocks, a norm and a head."""

    sizes = ("vocab_size", "units", "num_blocks")
    spec: LanguageModelSpec

    def _structure(self, spec: Any) -> None:
        self.embedding = nn.Embedding(spec.vocab_size, spec.units)
        self.blocks = _made(spec)
        self.norm = self._norm(spec) if spec.final_norm else None
        self.head = nn.Linear(spec.units, spec.vocab_size, bias=False) if spec.has_kernel else None
        self.dropout = nn.Dropout(self._embedding_dropout(spec))

    def _embedding_dropout(self, spec: Any) -> float:
        """The fraction that is left out of the vectors of tokens."""
        return 0.0

    def _norm(self, spec: Any) -> Norm:
        raise NotImplementedError(f"{type(self).__name__} must define _norm")

    def _constants(self, spec: Any) -> None:
        super()._constants(spec)
        _settle(self.blocks, spec)

    def forward(
        self,
        x: Any,
        state: Any = None,
        timespans: Any = None,
        mask: Any = None,
        timestamps: Any = None,
    ) -> Any:
        """Run tokens x (B, T) or (T,); see the class for the shapes."""
        spec, kit = self.spec, ops.kit
        table = self.embedding.weight
        x = x if isinstance(x, Tensor) else torch.as_tensor(x, device=table.device)
        axes = inputs.sequence_axes(spec, tuple(x.shape))
        x = x.reshape(axes.batch, axes.steps)
        like = table.new_zeros(0, dtype=self._compute_dtype(table))
        initial = kit.initial_states(spec, axes, state, like)
        dt = kit.elapsed(spec, axes, timespans, timestamps, like)
        times = kit.Times(dt, kit.real_steps(spec, axes, mask, table.device))
        if times.steps is not None:
            # a masked step may hold any number
            x = torch.where(times.steps.mask, x, torch.zeros_like(x))
        x = kit.indices(spec.embedding, x, table.device)
        rows = self.dropout(functional.embedding(x, table).to(like.dtype))
        y, states = self.scan(rows, initial, times, spec.return_sequences)
        y = y if axes.batched else y[0]
        return (y, self._given(states, axes.batched)) if spec.return_state else y

    def through(
        self, x: Tensor, states: States, behind: ops.Behind | None
    ) -> tuple[Tensor, States]:
        """All blocks, the norm and the head."""
        y, new = _run(self.blocks, x, states, behind)
        y = y if self.norm is None else self.norm(y)
        if self.spec.head is not None:
            head = self.embedding if self.head is None else self.head
            y = functional.linear(y, head.weight.to(y.dtype))
        return y, new


class xLSTMLM(_LanguageModel):
    """A language model on a stack of blocks; see `ncps_xlstm.specs.xLSTMLM`.

    Shape: tokens x (B, T) → logits y (B, T, V); the state is y (B, V) and each block's but its y.
    Raises: ShapeError for wrong shapes; IndicesError for what is no token.
    Source: the PyPI package xlstm 2.0.6.
    """

    spec: xLSTMLMSpec

    def _embedding_dropout(self, spec: Any) -> float:
        return float(spec.dropout) if spec.embedding_dropout else 0.0

    def _norm(self, spec: Any) -> Norm:
        return Norm(spec.units, spec.epsilon)


class xLSTMLarge(_LanguageModel):
    """The language model of xLSTM 7B, of any size; see `ncps_xlstm.specs.xLSTMLarge`.

    Shape: tokens x (B, T) → logits y (B, T, V); the state is y (B, V) and each block's but its y.
    Raises: ShapeError for wrong shapes; IndicesError for what is no token.
    Source: Beck et al. 2025, arXiv:2503.13427.
    """

    spec: xLSTMLargeSpec

    def _norm(self, spec: Any) -> Norm:
        return Norm(spec.units, spec.epsilon, bias=spec.use_bias, rms=True)

    def through(
        self, x: Tensor, states: States, behind: ops.Behind | None
    ) -> tuple[Tensor, States]:
        """The same, and the cap on the logits."""
        y, new = super().through(x, states, behind)
        return (y if self.spec.head is None else capped(y, self.spec.logit_soft_cap)), new


def _made(spec: Any) -> nn.ModuleList:
    # the values come afterwards, from the whole layer's
    with undrawn():
        return nn.ModuleList(BLOCKS[block.layer](block, seed=0) for block in spec.blocks)


def _settle(blocks: Iterable[Any], spec: Any) -> None:
    """Tell the blocks their specs, and how many states are theirs, once all sizes are known."""
    for block, one in zip(blocks, spec.blocks, strict=True):
        block.spec, block._built = one, True
        block.kept = len(one.state_shapes()) - 1


def _run(
    blocks: Iterable[Any], x: Tensor, states: States, behind: ops.Behind | None
) -> tuple[Tensor, States]:
    rest = list(states)
    # written so that torch.compile does not break its graph here
    new: list[Tensor] = []
    for block in blocks:
        own, rest = tuple(rest[: block.kept]), rest[block.kept :]
        x, after = block.through(x, own, behind)
        new += after
    return x, tuple(new)
