"""What convolutions and pools share: axes to slide along between the batch and the features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ncps.errors import ShapeError
from ncps.specs._base import Kind, Shape, Spec
from ncps.specs._windows import Spread, Window

NAMES = {1: "(T, D) or (B, T, D)", 2: "(H, W, D) or (B, H, W, D)"}


@dataclass(frozen=True, kw_only=True)
class SlidingSpec(Spec):
    """A layer on x (B, T, D) or (B, H, W, D), or on one without the batch axis."""

    kind: ClassVar[Kind] = "feedforward"
    rank: ClassVar[int]

    @property
    def windows(self) -> tuple[Window | Spread, ...]:
        """The window along each axis."""
        raise NotImplementedError(f"{type(self).__name__} must define windows")

    @property
    def output_features(self) -> int | None:
        """Length of the output's last axis; None: that of the input."""
        return None

    def check_axes(self, input_shape: Shape) -> None:
        """ShapeError unless a shape has the axes and the features that the layer takes."""
        self.check_features(input_shape, (self.rank + 1, self.rank + 2), NAMES[self.rank])

    def lengths(self, input_shape: Shape) -> Shape:
        """Lengths of the axes to slide along."""
        return tuple(input_shape[-1 - self.rank : -1])

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, T, D) → (B, T', D'), (B, H, W, D) → (B, H', W', D'); with or without B."""
        self.check_axes(input_shape)
        pairs = zip(self.windows, self.lengths(input_shape), strict=True)
        found = tuple(None if n is None else window.length(n) for window, n in pairs)
        if any(n is not None and n < 1 for n in found):
            raise ShapeError(
                f"{self.layer} expected an input from which windows of {self._reaches()} leave "
                f"something, got shape {tuple(input_shape)}. Pass a longer input, or use a "
                "smaller window or other padding."
            )
        features = self.output_features
        last = input_shape[-1] if features is None else features
        return (*input_shape[: -1 - self.rank], *found, last)

    def _reaches(self) -> str:
        return "×".join(str(window.reach) for window in self.windows)

    def example(self, rng: np.random.Generator) -> npt.NDArray[Any]:
        """Two rows, long enough for two windows along each axis."""
        lengths = (_enough(window, 7 + i) for i, window in enumerate(self.windows))
        size = self.known_input_size() if self.sized else 3
        return rng.standard_normal((2, *lengths, size)).astype(np.float32)


def _enough(window: Window | Spread, n: int) -> int:
    while window.length(n) < 2:
        n += 1
    return n
