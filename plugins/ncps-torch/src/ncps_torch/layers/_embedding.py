"""Embedding: a table of vectors, one for each index."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ncps.canonical import ParameterMap
from ncps.specs import Embedding as EmbeddingSpec
from ncps.specs import Spec
from ncps_torch import ops
from ncps_torch.layers._base import NativeLayer
from ncps_torch.stock_parameters import EMBEDDING


class Embedding(NativeLayer):
    r"""A vector for each index, by torch's `embedding`; see `ncps.specs.Embedding`.

    .. math:: y = E_x

    Its tensor is called as that of `torch.nn.Embedding`.

    Shape: x of any shape, integers in [0, vocabulary_size) → y (…, H).
    Raises: IndicesError when x is not of integers; for an index outside of the table too, unless
    torch is tracing, where values are not known.
    """

    spec: EmbeddingSpec

    def _structure(self, spec: EmbeddingSpec) -> None:
        self.weight = nn.Parameter(torch.empty(spec.vocabulary_size, spec.units))

    @classmethod
    def parameter_map(cls, spec: Spec) -> ParameterMap:
        """The table as `weight`."""
        return EMBEDDING

    def forward(self, x: Any) -> Tensor:
        """Run x of any shape."""
        found = ops.indices(self.spec, x, self.weight.device)
        y = functional.embedding(found, self.weight, self.spec.padding_index)
        return y.to(self._compute_dtype(self.weight))
