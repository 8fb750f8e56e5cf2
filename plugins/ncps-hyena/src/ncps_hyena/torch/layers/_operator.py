"""HyenaOperator: gates and long convolutions in turn."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ncps_hyena.specs import HyenaOperator as HyenaOperatorSpec
from ncps_hyena.torch import ops
from ncps_hyena.torch.layers._base import Layer
from ncps_hyena.torch.layers._parts import FilterNetwork, LongConvolution, Projection


class Streaming(Layer):
    """A layer of features with a call for whole sequences and one that carries a sequence on."""

    def through(self, x: Tensor, real: Tensor | None) -> Tensor:
        """y (B, T, D) for x (B, T, D); y of masked steps is not looked at."""
        raise NotImplementedError(f"{type(self).__name__} must define through")

    def onward(
        self, x: Tensor, real: Tensor | None, state: ops.HyenaState | None
    ) -> tuple[Tensor, ops.HyenaState]:
        """The same for the steps after those in the state, and the new state."""
        raise NotImplementedError(f"{type(self).__name__} must define onward")

    def forward(self, x: Any, *, mask: Any = None) -> Tensor:
        """Run x (B, T, D) or (T, D); see the class for the shapes."""
        x, real, axes = ops.given(self.spec, self._input(x), mask)
        y = ops.cleared(self.through(x, real), real)
        return y if axes.batched else y[0]

    def step(
        self, x: Any, state: ops.HyenaState | None = None, mask: Any = None
    ) -> tuple[Tensor, ops.HyenaState]:
        """y and the new state for the steps x (B, S, D) that follow those in `state`.

        The result of any pieces is that of one call over the whole. Run it under
        ``torch.no_grad()`` and not compiled: only so are the filters kept from step to step.

        Raises: SpecError when the layer is bidirectional; ShapeError when an argument does not
        fit, and past l_max steps.
        """
        self.spec.check_streams()
        x, real, axes = ops.given(self.spec, self._input(x), mask)
        state = ops.checked(self.spec, state, axes.batch, axes.steps)
        y, new = self.onward(x, real, state)
        y = ops.cleared(y, real)
        return (y if axes.batched else y[0]), new


class HyenaOperator(Streaming):
    r"""Gates and long convolutions in turn, in place of attention; see `ncps_hyena.specs`.

    .. math:: v^{o+1} = (h^o + s_o) * (v^o \odot g_{N-1-o}),\quad y = (v^{N-1} \odot g_0) W_y + b_y

    Without a gradient the spectra of the filters are kept until a parameter has other values.

    Shape: x (B, T, D) or (T, D), T ≤ l_max; mask (B, T) → y as x.
    Raises: ShapeError when an argument disagrees with the spec, and for more than l_max steps.
    Source: Poli et al. 2023, arXiv:2302.10866.
    """

    spec: HyenaOperatorSpec

    def _structure(self, spec: HyenaOperatorSpec) -> None:
        size = spec.features
        for name in spec.projections:
            self.add_module(name, Projection(size, spec.short_filter_order))
        self.filter = FilterNetwork(spec)
        for o in range(spec.convolutions):
            self.add_module(f"long_{o}", LongConvolution(spec))
        self.output = nn.Linear(size, size)
        self._kept = ops.Kept()

    def through(self, x: Tensor, real: Tensor | None) -> Tensor:
        """All steps at once."""
        taps, network = self._taps(), self._network()
        maps = [p.linear for p in self._projections()]
        last = ops.compiled(self.spec, x, taps, network, [*maps, self.output])
        z = ops.inward(x, maps, features_last=last)
        arguments = (z, taps, network, self._kept, real, self._dropout)
        v = ops.convolved(self.spec, *arguments, features_last=last)
        return ops.outward(v, self.output, features_last=last)

    def onward(
        self, x: Tensor, real: Tensor | None, state: ops.HyenaState | None
    ) -> tuple[Tensor, ops.HyenaState]:
        """A few steps."""
        z = ops.inward(x, [p.linear for p in self._projections()])
        v, new = ops.streamed(
            *(self.spec, z, self._taps(), self._network(), self._kept, state, real, self._dropout)
        )
        return ops.outward(v, self.output), new

    def _projections(self) -> list[Projection]:
        """Those of all gates, and of the value, as the kernels have them."""
        names = [*(f"gate_{i}" for i in range(self.spec.order)), "value"]
        return [getattr(self, name) for name in names]

    def _convolutions(self) -> list[LongConvolution]:
        return [getattr(self, f"long_{o}") for o in range(self.spec.convolutions)]

    def _taps(self) -> ops.Taps:
        projections = self._projections()
        return ops.Taps(
            torch.cat([p.short.weight for p in projections]),
            torch.cat([p.short.bias for p in projections]),
            torch.stack([c.skip for c in self._convolutions()]),
        )

    def _network(self) -> ops.Network:
        own, convolutions = self.filter, self._convolutions()
        hidden = [getattr(own, f"hidden_{j}") for j in range(self.spec.num_inner + 1)]
        last = [c.kernel.weight for c in convolutions]
        last += [c.reverse_kernel.weight for c in convolutions if c.reverse_kernel is not None]
        return ops.Network(
            maps=tuple(t for linear in hidden for t in (linear.weight, linear.bias)),
            frequency=own.frequency,
            positions=own.positions,
            last=tuple(last),
            deltas=tuple(c.delta for c in convolutions if c.delta is not None),
        )

    @property
    def _dropout(self) -> float:
        return self.spec.dropout if self.training else 0.0
