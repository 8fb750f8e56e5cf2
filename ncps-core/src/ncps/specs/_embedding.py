"""Embedding: a table of vectors, one for each index."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ncps.errors import IndicesError, SpecError
from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec
from ncps.specs._initializers import Normal


@dataclass(frozen=True, kw_only=True)
class Embedding(Spec):
    r"""A vector for each index: row :math:`x` of a table.

    .. math:: y = E_x

    The row of `padding_index` starts as zeros and is not trained: no gradient reaches it.

    Shape: x of any shape, integers in [0, vocabulary_size) → y (…, H), H = units.
    Raises: IndicesError when x is not of integers, or an index is outside of the table.
    Source: initial values N(0, 1/H) of mlx.nn.Embedding; `padding_index` is torch's padding_idx.
    """

    layer: ClassVar[str] = "Embedding"
    kind: ClassVar[Kind] = "feedforward"
    sized: ClassVar[bool] = False
    indices: ClassVar[bool] = True

    vocabulary_size: int
    units: int
    padding_index: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("vocabulary_size", "units"):
            self._set(**{option: _validate.integer(self.layer, option, getattr(self, option))})
        if self.padding_index is None:
            return
        index = _validate.integer(self.layer, "padding_index", self.padding_index, minimum=0)
        if index >= self.vocabulary_size:
            raise SpecError(
                f"Embedding expected padding_index below vocabulary_size={self.vocabulary_size}, "
                f"got {index}."
            )
        self._set(padding_index=index)

    @property
    def output_size(self) -> int:
        """Length of a vector, H."""
        return self.units

    def output_shape(self, input_shape: Shape) -> Shape:
        """(…) → (…, H)."""
        return (*input_shape, self.units)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Random indices, of the first and the last row too."""
        found = rng.integers(0, self.vocabulary_size, shape)
        found.reshape(-1)[:2] = (0, self.vocabulary_size - 1)[: found.size]
        return found

    def check_range(self, smallest: int, largest: int) -> None:
        """IndicesError unless both are rows of the table."""
        if smallest < 0 or largest >= self.vocabulary_size:
            wrong = smallest if smallest < 0 else largest
            raise IndicesError(
                f"Embedding expected indices from 0 to {self.vocabulary_size - 1}, got {wrong}. "
                "Pass a larger vocabulary_size, or map what is unknown to an index of its own."
            )

    def not_integers(self, dtype: str) -> IndicesError:
        """The error for an input of another dtype."""
        return IndicesError(
            f"Embedding expected indices of an integer dtype, got {dtype}. Cast them first."
        )

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        init = Normal(1.0 / math.sqrt(self.units), zero_row=self.padding_index)
        return (Parameter("embeddings", (self.vocabulary_size, self.units), init),)
