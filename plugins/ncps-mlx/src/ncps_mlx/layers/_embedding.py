"""Embedding: a table of vectors, one for each index."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.canonical import ParameterMap
from ncps.specs import Embedding as EmbeddingSpec
from ncps.specs import Spec
from ncps_mlx import ops
from ncps_mlx.layers._base import NativeLayer
from ncps_mlx.norm_parameters import EMBEDDING


class Embedding(NativeLayer):
    r"""A vector for each index; see `ncps.specs.Embedding`.

    .. math:: y = E_x

    Its array is called as that of `mlx.nn.Embedding`.

    Shape: x of any shape, integers in [0, vocabulary_size) → y (…, H).
    Raises: IndicesError when x is not of integers; for an index outside of the table too, unless
    MLX is tracing, where values are not known.
    """

    spec: EmbeddingSpec

    def _structure(self) -> None:
        self.weight = mx.zeros((self.spec.vocabulary_size, self.spec.units))

    @classmethod
    def _plain_map(cls, spec: Spec) -> ParameterMap:
        return EMBEDDING

    def __call__(self, x: Any) -> mx.array:
        """Run x of any shape."""
        with ops.on_device(self._device):
            found = ops.indices(self.spec, x)
            y: mx.array = self.weight[found]
            if self.spec.padding_index is None:
                return y
            fixed = (found == self.spec.padding_index)[..., None]
            return mx.where(fixed, mx.stop_gradient(y), y)
