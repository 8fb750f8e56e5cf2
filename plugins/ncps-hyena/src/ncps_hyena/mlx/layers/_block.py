"""HyenaBlock: a pre-norm residual block."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn

from ncps.specs import undrawn
from ncps_hyena.mlx import ops
from ncps_hyena.mlx.layers._base import Hyena, States
from ncps_hyena.mlx.layers._operator import HyenaOperator
from ncps_hyena.mlx.layers._parts import Drop, FeedForward
from ncps_hyena.specs import HyenaBlock as HyenaBlockSpec


class HyenaBlock(Hyena):
    r"""A pre-norm residual block with a Hyena operator; see `ncps_hyena.specs.HyenaBlock`.

    .. math::
        x' = x + \mathrm{operator}(\mathrm{LN}_1(x)),\quad
        y = x' + \mathrm{gelu}(\mathrm{LN}_2(x') W_{up} + b_{up}) W_{down} + b_{down}

    Shape: x (B, T, D) or (T, D), T ≤ l_max; mask (B, T) → y as x.
    Raises: ShapeError when an argument disagrees with the spec, and for more than l_max steps.
    Source: Nguyen et al. 2023, arXiv:2306.15794, figure 1.3.
    """

    spec: HyenaBlockSpec

    def _structure(self) -> None:
        spec = self.spec
        self.norm_1 = nn.LayerNorm(spec.features, eps=spec.layer_norm_epsilon)
        # the values come afterwards, from the whole layer's
        with undrawn():
            self.operator = HyenaOperator(spec.operator, seed=0)
        self.norm_2 = nn.LayerNorm(spec.features, eps=spec.layer_norm_epsilon)
        self.mlp = FeedForward(spec.features, spec.inner)
        self.dropout = Drop(spec.residual_dropout)

    def through(
        self, x: mx.array, real: mx.array | None, states: States | None
    ) -> tuple[mx.array, States]:
        """The operator and the feed-forward part, each added to what it reads."""
        y, new = self.added(x.astype(mx.float32), real, states)
        return y.astype(x.dtype), new

    def added(
        self, x: mx.array, real: mx.array | None, states: States | None
    ) -> tuple[mx.array, States]:
        """The same for x in float32: what is added to it is computed in the layer's dtype."""
        kind = self._kind
        mixed, new = self.operator.through(self.norm_1(x).astype(kind), real, states)
        x = x + self.dropout(mixed)
        x = x + self.dropout(self.mlp(self.norm_2(x).astype(kind)))
        return ops.cleared(x, real), new
