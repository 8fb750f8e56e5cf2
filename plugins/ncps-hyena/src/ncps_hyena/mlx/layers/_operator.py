"""HyenaOperator: gates and long convolutions in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from ncps_hyena.mlx import ops
from ncps_hyena.mlx.layers._base import Hyena, States
from ncps_hyena.mlx.layers._parts import Drop, FilterNetwork, LongConvolution, Projection
from ncps_hyena.specs import HyenaOperator as HyenaOperatorSpec

# y (B, D, T) of convolution o for u (B, D, T)
Convolve = Callable[[int, mx.array], mx.array]


class HyenaOperator(Hyena):
    r"""Gates and long convolutions in turn, in place of attention.

    .. math::
        u^o = v^o \odot g_{N-1-o},\quad
        v^{o+1}_t = s_o \odot u^o_t + \sum_{j=0}^{t} h^o_j \odot u^o_{t-j},\quad
        y = (v^{N-1} \odot g_0) W_y + b_y

    See `ncps_hyena.specs.HyenaOperator` for all of it. Outside of MLX's transformations the filters
    are made once, and again after a parameter has changed.

    Shape: x (B, T, D) or (T, D), T ≤ l_max; mask (B, T) → y as x.
    Raises: ShapeError when an argument disagrees with the spec, and for more than l_max steps.
    Source: Poli et al. 2023, arXiv:2302.10866.
    """

    spec: HyenaOperatorSpec

    def _structure(self) -> None:
        spec = self.spec
        for name in spec.projections:
            setattr(self, name, Projection(spec.features, spec.short_filter_order))
        self.filter = FilterNetwork(spec)
        for o in range(spec.convolutions):
            setattr(self, f"long_{o}", LongConvolution(spec, o))
        self.output = nn.Linear(spec.features, spec.features)
        self.dropout = Drop(spec.dropout)
        self._filters = ops.Filters(spec.l_max)

    def through(
        self, x: mx.array, real: mx.array | None, states: States | None
    ) -> tuple[mx.array, States]:
        """All gates and long convolutions, and the last projection."""
        spec, new = self.spec, list[Any]()
        parts = [getattr(self, name) for name in spec.projections]
        tails = [None] * len(parts) if states is None else states[0].tails
        found = [part(x, real, tail) for part, tail in zip(parts, tails, strict=True)]
        v, *gates = (y for y, _ in found)
        long = self._whole(x.shape[1]) if states is None else self._carried(states[0], new)
        for o in range(spec.convolutions):
            u = self.dropout(ops.cleared(v * gates[-1 - o], real))
            # transforms run over the last axis
            v = long(o, u.swapaxes(1, 2)).swapaxes(1, 2)
        y = ops.cleared(self.output(v * gates[0]), real)
        if states is None:
            return y, ()
        return y, (ops.HyenaState(tuple(tail for _, tail in found), tuple(new)),)

    def _whole(self, steps: int) -> Convolve:
        """The convolutions of a whole sequence."""
        filters = self._filters.kept(*self._makers())
        if filters is not None:
            return lambda o, u: ops.filtered_convolution(u, filters[o])
        a, longs = self.filter(steps), self._longs()
        return lambda o, u: ops.written_convolution(u, longs[o], a, self.training)

    def _carried(self, state: ops.HyenaState, new: list[Any]) -> Convolve:
        """The convolutions of steps that follow others; the streams after them go to `new`."""
        filters = self._filters(*self._makers())

        def convolve(o: int, u: mx.array) -> mx.array:
            y, stream = ops.stream_convolution(u, filters[o], state.streams[o])
            new.append(stream)
            return y

        return convolve

    def _makers(self) -> tuple[list[mx.array], FilterNetwork, list[LongConvolution]]:
        """All parameters of the filters, and what makes filters of them."""
        longs = self._longs()
        trees = [part.parameters() for part in (self.filter, *longs)]
        named: Any = tree_flatten(trees)
        return [array for _, array in named], self.filter, longs

    def _longs(self) -> list[LongConvolution]:
        return [getattr(self, f"long_{o}") for o in range(self.spec.convolutions)]
