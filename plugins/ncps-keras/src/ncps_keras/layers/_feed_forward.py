"""The feed-forward layers of transformers."""

from __future__ import annotations

from typing import Any

import keras

from ncps.specs import FeedForward as FeedForwardSpec
from ncps.specs import FeedForwardSpec as AnySpec
from ncps.specs import GeGLU as GeGLUSpec
from ncps.specs import SwiGLU as SwiGLUSpec
from ncps_keras import ops
from ncps_keras.layers import _feedforward
from ncps_keras.layers._base import PACKAGE


class _FeedForward(_feedforward.FeedForward):
    """Two or three affine maps with an activation between them."""

    spec: AnySpec

    def _run(self, x: Any) -> Any:
        return self._affine("down", self._hidden(x, ops.ACTIVATIONS[self.spec.function]))

    def _hidden(self, x: Any, act: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define _hidden")

    def _affine(self, name: str, x: Any) -> Any:
        return ops.affine(x, self._read(f"{name}.kernel"), self._read(f"{name}.bias"))


@keras.saving.register_keras_serializable(package=PACKAGE)
class FeedForward(_FeedForward):
    r"""Two affine maps with an activation between them.

    .. math:: y = \phi(x W_{up} + b_{up}) W_{down} + b_{down}

    Shape: x (…, D) → y (…, H).
    Raises: ShapeError when x does not have D features.
    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 2.
    """

    spec: FeedForwardSpec

    def _hidden(self, x: Any, act: Any) -> Any:
        return act(self._affine("up", x))


class _Gated(_FeedForward):
    def _hidden(self, x: Any, act: Any) -> Any:
        return act(self._affine("gate", x)) * self._affine("up", x)


@keras.saving.register_keras_serializable(package=PACKAGE)
class GeGLU(_Gated):
    r"""A feed-forward layer gated by a GELU.

    .. math:: y = (\mathrm{gelu}(x W_{gate}) \odot x W_{up}) W_{down}

    Shape: x (…, D) → y (…, H).
    Raises: ShapeError when x does not have D features.
    Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
    """

    spec: GeGLUSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class SwiGLU(_Gated):
    r"""A feed-forward layer gated by a SiLU.

    .. math:: y = (\mathrm{silu}(x W_{gate}) \odot x W_{up}) W_{down}

    Shape: x (…, D) → y (…, H).
    Raises: ShapeError when x does not have D features.
    Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
    """

    spec: SwiGLUSpec
