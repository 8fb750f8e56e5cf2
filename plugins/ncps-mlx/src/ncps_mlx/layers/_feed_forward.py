"""The feed-forward layers of transformers."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn

from ncps.canonical import ParameterMap
from ncps.specs import FeedForward as FeedForwardSpec
from ncps.specs import FeedForwardSpec as AnySpec
from ncps.specs import GeGLU as GeGLUSpec
from ncps.specs import Spec
from ncps.specs import SwiGLU as SwiGLUSpec
from ncps_mlx import ops
from ncps_mlx.layers._base import NativeLayer
from ncps_mlx.parameters import linears_map


class _FeedForward(NativeLayer):
    """Two or three `mlx.nn.Linear` with an activation between them."""

    spec: AnySpec
    up: nn.Linear
    down: nn.Linear

    def _structure(self) -> None:
        spec = self.spec
        for name, (size, units) in spec.projections(spec.known_input_size()).items():
            setattr(self, name, nn.Linear(size, units, bias=spec.use_bias))

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """Linear layers under their canonical names."""
        return linears_map(spec)

    def __call__(self, x: Any) -> mx.array:
        """Run x (…, D)."""
        with ops.on_device(self._device):
            x = self._input(x)
            self.spec.output_shape(x.shape)
            y: mx.array = self.down(self._hidden(x, ops.ACTIVATIONS[self.spec.function]))
            return y

    def _hidden(self, x: mx.array, act: Any) -> mx.array:
        raise NotImplementedError(f"{type(self).__name__} must define _hidden")


class FeedForward(_FeedForward):
    r"""Two affine maps with an activation between them.

    .. math:: y = \phi(x W_{up} + b_{up}) W_{down} + b_{down}

    Shape: x (…, D) → y (…, H).
    Raises: ShapeError when x does not have D features.
    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 2.
    """

    spec: FeedForwardSpec

    def _hidden(self, x: mx.array, act: Any) -> mx.array:
        hidden: mx.array = act(self.up(x))
        return hidden


class _Gated(_FeedForward):
    gate: nn.Linear

    def _hidden(self, x: mx.array, act: Any) -> mx.array:
        hidden: mx.array = act(self.gate(x)) * self.up(x)
        return hidden


class GeGLU(_Gated):
    r"""A feed-forward layer gated by a GELU.

    .. math:: y = (\mathrm{gelu}(x W_{gate}) \odot x W_{up}) W_{down}

    Shape: x (…, D) → y (…, H).
    Raises: ShapeError when x does not have D features.
    Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
    """

    spec: GeGLUSpec


class SwiGLU(_Gated):
    r"""A feed-forward layer gated by a SiLU.

    .. math:: y = (\mathrm{silu}(x W_{gate}) \odot x W_{up}) W_{down}

    Shape: x (…, D) → y (…, H).
    Raises: ShapeError when x does not have D features.
    Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
    """

    spec: SwiGLUSpec
