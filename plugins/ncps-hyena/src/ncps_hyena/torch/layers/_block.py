"""HyenaBlock: a pre-norm residual block with the operator where a transformer has attention."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from ncps.specs import undrawn
from ncps_hyena.specs import HyenaBlock as HyenaBlockSpec
from ncps_hyena.torch import ops
from ncps_hyena.torch.layers._base import settle
from ncps_hyena.torch.layers._operator import HyenaOperator, Streaming
from ncps_hyena.torch.layers._parts import FeedForward, Norm


class HyenaBlock(Streaming):
    r"""A Hyena operator and a feed-forward part, each behind a norm and added to what it reads.

    .. math::
        x' = x + \mathrm{operator}(\mathrm{LN}_1(x)),\quad
        y = x' + \mathrm{gelu}(\mathrm{LN}_2(x') W_{up} + b_{up}) W_{down} + b_{down}

    Shape: x (B, T, D) or (T, D), T ≤ l_max; mask (B, T) → y as x.
    Raises: ShapeError when an argument disagrees with the spec, and for more than l_max steps.
    Source: Nguyen et al. 2023, arXiv:2306.15794, figure 1.3.
    """

    spec: HyenaBlockSpec

    def _structure(self, spec: HyenaBlockSpec) -> None:
        size, epsilon = spec.features, spec.layer_norm_epsilon
        self.norm_1 = Norm(size, epsilon)
        # the values come afterwards, from the whole layer's
        with undrawn():
            self.operator = HyenaOperator(spec.operator, seed=0)
        self.norm_2 = Norm(size, epsilon)
        self.mlp = FeedForward(size, spec.inner)

    def _constants(self, spec: Any) -> None:
        super()._constants(spec)
        settle(self.operator, spec.operator)

    def through(self, x: Tensor, real: Tensor | None) -> Tensor:
        """All steps at once; x may be wider than the layer's dtype, and stays so."""
        return self._mixed(self._added(x, self.operator.through(self._read(x), real)))

    def onward(
        self, x: Tensor, real: Tensor | None, state: ops.HyenaState | None
    ) -> tuple[Tensor, ops.HyenaState]:
        """A few steps."""
        mixed, new = self.operator.onward(self._read(x), real, state)
        return self._mixed(self._added(x, mixed)), new

    def _read(self, x: Tensor) -> Tensor:
        weight = self.norm_1.weight
        y: Tensor = self.norm_1(x)
        return y.to(self._compute_dtype(weight))

    def _mixed(self, x: Tensor) -> Tensor:
        """X and what the feed-forward part makes of it."""
        u = self.norm_2(x).to(self._compute_dtype(self.norm_2.weight))
        return self._added(x, self.mlp(u))

    def _added(self, x: Tensor, more: Tensor) -> Tensor:
        dropped = functional.dropout(more, self.spec.residual_dropout, self.training)
        return x + dropped.to(x.dtype)
