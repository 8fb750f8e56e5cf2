"""HyenaDNA: embedding, Hyena blocks, a last norm, and a head for a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlx.core as mx
import mlx.nn as nn

from ncps.specs import undrawn
from ncps_hyena.mlx import ops
from ncps_hyena.mlx.layers._base import Hyena, States
from ncps_hyena.mlx.layers._block import HyenaBlock
from ncps_hyena.mlx.layers._parts import Drop
from ncps_hyena.specs import HyenaDNA as HyenaDNASpec

if TYPE_CHECKING:
    from ncps.specs.inputs import Axes


class HyenaDNA(Hyena):
    r"""A model of long sequences of tokens; see `ncps_hyena.specs.HyenaDNA`.

    .. math::
        x = E_{tokens},\quad x \leftarrow \mathrm{block}_i(x),\quad f = \mathrm{LN}(x)

    Shape: x (B, T) or (T,), integers, T ≤ l_max; mask (B, T) → y (B, T, D), (B, T, V) or
    (B, classes), without B for (T,).
    Raises: IndicesError when x is not of tokens, for a token outside of the vocabulary unless MLX
    is tracing; ShapeError when an argument disagrees with the spec, and for more than l_max steps.
    Source: Nguyen et al. 2023, arXiv:2306.15794.
    """

    sizes = ("l_max", "units", "num_layers")
    spec: HyenaDNASpec

    def _structure(self) -> None:
        spec = self.spec
        self.embeddings = nn.Embedding(spec.padded_vocab_size, spec.units)
        self.dropout = Drop(spec.embedding_dropout)
        # the values come afterwards, from the whole layer's
        with undrawn():
            self.blocks = [HyenaBlock(spec.block, seed=0) for _ in range(spec.num_layers)]
        self.norm = nn.LayerNorm(spec.units, eps=spec.layer_norm_epsilon)
        if spec.head == "classification" or (spec.head == "lm" and not spec.tie_embeddings):
            bias = spec.head == "classification" and spec.head_bias
            self.head = nn.Linear(spec.units, spec.output_size, bias=bias)

    def through(
        self, x: mx.array, real: mx.array | None, states: States | None
    ) -> tuple[mx.array, States]:
        """The blocks, the norm and the head, on tokens x (B, T)."""
        rows = self.embeddings(ops.kit.indices(self.spec, x))
        h, new = self.dropout(rows).astype(mx.float32), list[Any]()
        for i, block in enumerate(self.blocks):
            own = None if states is None else states[i : i + 1]
            h, after = block.added(h, real, own)
            new += after
        f = ops.cleared(self.norm(h), real)
        if self.spec.pooled:
            f = ops.pooled(f, real, self.spec.pooling)
        return self._headed(f.astype(self._kind)), tuple(new)

    def _headed(self, f: mx.array) -> mx.array:
        """Features, logits or classes."""
        if "head" in self:
            return self.head(f)
        return self.embeddings.as_linear(f) if self.spec.head == "lm" else f

    def _input(self, x: Any) -> mx.array:
        # tokens stay integers, and the sizes of a model are always known
        array: mx.array = ops.kit.as_array(x)
        return array

    def _states(self, state: Any, axes: Axes) -> States:
        spec = self.spec
        if state is None:
            empty = ops.empty_state(spec, axes.batch, self._kind)
            return (empty,) * spec.num_layers
        if not isinstance(state, ops.ModelState) or len(state.blocks) != spec.num_layers:
            raise ops.other_state(spec, axes.batch, f"a value of type {type(state).__name__}")
        for own in state.blocks:
            ops.check_state(spec, own, axes.batch, axes.steps)
        return state.blocks

    def _given(self, states: States) -> Any:
        return ops.ModelState(states)
