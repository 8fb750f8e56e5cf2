"""Embedding: a table of vectors, one for each index."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops as kops

from ncps.specs import Embedding as EmbeddingSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._feedforward import FeedForward


@keras.saving.register_keras_serializable(package=PACKAGE)
class Embedding(FeedForward):
    r"""A vector for each index, by Keras' `take`; see `ncps.specs.Embedding`.

    .. math:: y = E_x

    Shape: x of any shape, integers in [0, vocabulary_size) → y (…, H).
    Raises: IndicesError when x is not of integers; for an index outside of the table too, unless
    Keras runs a graph, where values are not known.
    """

    spec: EmbeddingSpec

    def call(self, x: Any) -> Any:
        """Run x of any shape."""
        found = ops.indices(self.spec, x)
        y = kops.take(self._read("embeddings"), found, axis=0)
        if self.spec.padding_index is None:
            return y
        untrained = kops.expand_dims(kops.equal(found, self.spec.padding_index), -1)
        return kops.where(untrained, kops.stop_gradient(y), y)
