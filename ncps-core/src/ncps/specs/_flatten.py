"""Flatten: all axes but the batch in one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from ncps.errors import ShapeError
from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, Spec


@dataclass(frozen=True, kw_only=True)
class Flatten(Spec):
    """All axes but the first, the batch, in one.

    With `channels_first` the features become the slowest of them: the order in which a model with
    channels first, as torch's own convolutions have them, flattens the same entries.

    Shape: x (B, …, D) → y (B, …·D); x (B,) → y (B, 1).
    """

    layer: ClassVar[str] = "Flatten"
    kind: ClassVar[Kind] = "feedforward"
    sized: ClassVar[bool] = False
    batched: ClassVar[bool] = True

    channels_first: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        _validate.flag(self.layer, "channels_first", self.channels_first)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, …) → (B, N)."""
        if not input_shape:
            raise ShapeError("Flatten expected an input of shape (B, …), got (). Pass a batch.")
        batch, *rest = input_shape
        known = [n for n in rest if n is not None]
        return batch, (math.prod(known) if len(known) == len(rest) else None)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        return ()
