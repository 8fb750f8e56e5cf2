"""HyenaDNA: embedding, Hyena blocks, a last norm, and a head for a task."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ncps.specs import undrawn
from ncps_hyena.specs import HyenaDNA as HyenaDNASpec
from ncps_hyena.torch import ops
from ncps_hyena.torch.layers._base import Layer, settle
from ncps_hyena.torch.layers._block import HyenaBlock
from ncps_hyena.torch.layers._parts import Norm


class ModelState(NamedTuple):
    """What the operator of each block carries from step to step."""

    blocks: tuple[ops.HyenaState, ...]


class HyenaDNA(Layer):
    r"""A model of long sequences of tokens; see `ncps_hyena.specs.HyenaDNA`.

    .. math::
        x = E_{tokens},\quad x \leftarrow \mathrm{block}_i(x),\quad f = \mathrm{LN}(x)

    Shape: x (B, T) or (T,), integers, T ≤ l_max; mask (B, T) → y (B, T, D), (B, T, V) or
    (B, classes), without B for (T,).
    Raises: IndicesError when x is not of tokens; ShapeError when an argument disagrees with the
    spec, and for more than l_max steps.
    Source: Nguyen et al. 2023, arXiv:2306.15794.
    """

    sizes = ("l_max", "units", "num_layers")
    spec: HyenaDNASpec

    def _structure(self, spec: HyenaDNASpec) -> None:
        self.embeddings = nn.Embedding(spec.padded_vocab_size, spec.units)
        # the values come afterwards, from the whole layer's
        with undrawn():
            blocks = [HyenaBlock(spec.block, seed=0) for _ in range(spec.num_layers)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = Norm(spec.units, spec.layer_norm_epsilon)
        self.head = _head(spec)

    def _constants(self, spec: Any) -> None:
        super()._constants(spec)
        for block in self.blocks:
            settle(block, spec.block)  # type: ignore[arg-type]

    def forward(self, x: Any, *, mask: Any = None) -> Tensor:
        """Run tokens x (B, T) or (T,); see the class for the shapes."""
        x, real, axes = ops.given_tokens(self.spec, x, mask, self.embeddings.weight.device)
        h = self._embedded(x)
        for block in self.blocks:
            h = block.through(h, real)  # type: ignore[operator]
        f = ops.cleared(self.norm(h), real)
        y = self._headed(self._pooled(f, real) if self.spec.pooled else f)
        return y if axes.batched else y[0]

    def step(
        self, x: Any, state: ModelState | None = None, mask: Any = None
    ) -> tuple[Tensor, ModelState]:
        """y and the new state for the tokens x (B, S) that follow those in `state`.

        The result of any pieces is that of one call over the whole. Run it under
        ``torch.no_grad()`` and not compiled: only so are the filters kept from step to step.

        Raises: SpecError when the layer is bidirectional or a classification; ShapeError when an
        argument does not fit, and past l_max steps.
        """
        self.spec.check_streams()
        x, real, axes = ops.given_tokens(self.spec, x, mask, self.embeddings.weight.device)
        old = self._checked(state, axes.batch, axes.steps)
        h = self._embedded(x)
        new: list[ops.HyenaState] = []
        for block, own in zip(self.blocks, old, strict=True):
            h, after = block.onward(h, real, own)  # type: ignore[operator]
            new.append(after)
        y = self._headed(ops.cleared(self.norm(h), real))
        return (y if axes.batched else y[0]), ModelState(tuple(new))

    def _checked(self, state: Any, rows: int, steps: int) -> list[ops.HyenaState | None]:
        if state is None:
            return [None] * self.spec.num_layers
        if not isinstance(state, ModelState) or len(state.blocks) != self.spec.num_layers:
            raise ops.other_state(self.spec, rows, f"a {type(state).__name__}")
        return [ops.checked(self.spec, own, rows, steps) for own in state.blocks]

    def _embedded(self, x: Tensor) -> Tensor:
        """The tokens' rows, in the dtype of the sum over the blocks."""
        spec, table = self.spec, self.embeddings.weight
        rows = functional.embedding(x, table)
        rows = functional.dropout(rows, spec.embedding_dropout, self.training)
        return rows if table.dtype == torch.float64 else rows.float()

    def _pooled(self, f: Tensor, real: Tensor | None) -> Tensor:
        """The features (B, D) of a whole sequence; 0 where no step is real."""
        pooling = self.spec.pooling
        if real is None:
            real = torch.ones(f.shape[:2], dtype=torch.bool, device=f.device)
        count = real.sum(dim=1, keepdim=True)
        if pooling in ("sum", "mean"):
            total = f.sum(dim=1)
            return total if pooling == "sum" else total / count.clamp(min=1)
        # the one step whose place among the real ones is the first, or the last
        place = real.cumsum(dim=1)
        wanted = real & (place == (1 if pooling == "first" else count))
        return (f * wanted[..., None]).sum(dim=1)

    def _headed(self, f: Tensor) -> Tensor:
        """Features, logits or classes, in the layer's dtype."""
        table = self.embeddings.weight
        f = f.to(self._compute_dtype(table))
        if self.head is not None:
            y: Tensor = self.head(f)
            return y
        return functional.linear(f, table.to(f.dtype)) if self.spec.head == "lm" else f


def _head(spec: HyenaDNASpec) -> nn.Linear | None:
    if spec.head is None or (spec.head == "lm" and spec.tie_embeddings):
        return None
    bias = spec.head == "classification" and spec.head_bias
    return nn.Linear(spec.units, spec.output_size, bias=bias)
