"""Bidirectional: a sequence layer in both directions of time, as a layer around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ncps.errors import SpecError
from ncps.specs import _validate
from ncps.specs._base import Shape, Spec
from ncps.specs._containers import ContainerSpec, described

MERGES = ("ave", "concat", "mul", "sum")


@dataclass(frozen=True, kw_only=True)
class Bidirectional(ContainerSpec):
    r"""A sequence layer forward in time and another like it in reverse.

    .. math:: y = \operatorname{merge}(\vec f(x), \overleftarrow f(x))

    `merge` is ``concat`` (side by side on the last axis, forward first), ``sum``, ``mul`` or
    ``ave``. `inner` is a sequence layer, a container with one, or a cell, which stands for its
    sequence. The time between two steps is the same in both directions, as
    `ncps.specs.SequenceSpec` says. Without `return_sequences` in the inner layer, the outputs
    after the last step and, in reverse, after the first one are merged.

    Shape: x (B, T, D) → y (B, T, 2 H) or (B, T, H); states ``forward.h``, …, ``reverse.h``, ….
    Source: Schuster & Paliwal 1997.
    """

    layer: ClassVar[str] = "Bidirectional"

    inner: Any
    merge: str = "concat"

    def __post_init__(self) -> None:
        _validate.choice(self.layer, "merge", self.merge, MERGES)
        self._set(inner=described(self.layer, "inner", _as_sequence(self.inner)))
        if self.inner.kind != "sequence":
            raise SpecError(
                f"Bidirectional expected a recurrent inner layer, got {self.inner.layer}, which "
                "knows no time."
            )
        super().__post_init__()

    def members(self) -> dict[str, Spec]:
        """The layer twice, ``forward`` and ``reverse``."""
        return {"forward": self.inner, "reverse": self.inner}

    def _set_members(self, members: Mapping[str, Spec]) -> None:
        self._set(inner=members["forward"])

    @property
    def forward_only(self) -> bool:
        """No: the reverse direction reads ahead."""
        return False

    def _chained(self, shape: Shape) -> tuple[dict[str, Spec], Shape]:
        inner = self.inner.with_input_shape(shape)
        *lead, size = inner.output_shape(shape)
        if self.merge == "concat" and size is not None:
            size *= 2
        return {"forward": inner, "reverse": inner}, (*lead, size)


def _as_sequence(given: Any) -> Any:
    """A cell's description as its sequence's, anything else as it is."""
    if isinstance(given, Spec) and given.kind == "cell":
        config = given.to_config()
        return {**config, "layer": given.layer.removesuffix("Cell")}
    if isinstance(given, str):
        return given.removesuffix("Cell")
    if isinstance(given, (tuple, list)) and len(given) == 2 and isinstance(given[0], str):
        return given[0].removesuffix("Cell"), given[1]
    return given
