"""Residual: what a layer makes of its input, added to that input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ncps.errors import ShapeError, SpecError
from ncps.specs._base import Shape, Spec, States, StateShapes, drawn
from ncps.specs._containers import ContainerSpec, described


@dataclass(frozen=True, kw_only=True)
class Residual(ContainerSpec):
    r"""What a layer makes of its input, added to that input.

    .. math:: y = x + f(x)

    With a recurrent layer, a masked step repeats the output, so that its x is that of the last
    real step: the last state, ``residual`` (B, D), holds it from call to call (zeros before the
    first one).

    Shape: x (…, D) → y (…, D); the layer must give the shape that it takes.
    Source: He et al. 2015, arXiv:1512.03385, eq. 1.
    """

    layer: ClassVar[str] = "Residual"

    inner: Any

    def __post_init__(self) -> None:
        self._set(inner=described(self.layer, "inner", self.inner))
        if self.inner.indices:
            raise SpecError(
                f"Residual expected an inner layer of numbers, got {self.inner.layer}, which "
                "takes indices: there is nothing to add to."
            )
        if not getattr(self.inner, "return_sequences", True):
            raise SpecError(
                "Residual expected an inner layer with an output for each step, got one with the "
                "last alone. Set return_sequences=True."
            )
        super().__post_init__()

    def members(self) -> dict[str, Spec]:
        """The one layer, ``inner``."""
        return {"inner": self.inner}

    def _set_members(self, members: Mapping[str, Spec]) -> None:
        self._set(**members)

    def _chained(self, shape: Shape) -> tuple[dict[str, Spec], Shape]:
        inner = self.inner.with_input_shape(shape)
        out = inner.output_shape(shape)
        known = zip(shape, out, strict=False)
        if len(out) != len(shape) or any(a != b for a, b in known if None not in (a, b)):
            raise ShapeError(
                f"Residual expected an inner layer that gives the shape it takes, {shape}, got "
                f"{out}. Give it as many units as there are features."
            )
        return {"inner": inner}, out

    def state_shapes(self) -> StateShapes:
        """The layer's, and the last real x."""
        if self.kind != "sequence":
            return ()
        return (*super().state_shapes(), ("residual", (self.known_input_size(),)))

    def state_dtypes(self, dtype: str) -> tuple[str, ...]:
        """The layer's, and that of x."""
        return (*super().state_dtypes(dtype), dtype) if self.kind == "sequence" else ()

    def draw_state(self, rng: np.random.Generator, lead: tuple[int, ...]) -> States:
        """The layer's, and a last real x."""
        if self.kind != "sequence":
            return ()
        inner = super().draw_state(rng, lead)
        return (*inner, drawn(rng, (*lead, self.known_input_size())))
