"""What is known of a sequence over a cell of someone else's: how it is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.errors import ShapeError, SpecError
from ncps.specs import _validate
from ncps.specs._base import Kind, Spec


@dataclass(frozen=True, kw_only=True)
class RecurrentOver(Spec):
    """The call of a sequence over any cell; see `ncps.layers.RecurrentOver`.

    It checks arguments as those of every sequence layer. It is no layer type that `create` or a
    file knows: what a cell computes is code.
    """

    layer: ClassVar[str] = "RecurrentOver"
    kind: ClassVar[Kind] = "sequence"
    sized: ClassVar[bool] = False

    return_sequences: bool = True
    return_state: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("return_sequences", "return_state"):
            _validate.flag(self.layer, option, getattr(self, option))

    def check_steps(self, steps: int) -> None:
        """ShapeError without a step: only a call of the cell tells what an output is."""
        if steps == 0:
            raise ShapeError(
                "RecurrentOver expected one step or more, got none: what its cell would give is "
                "not known. Leave such sequences out."
            )

    def pair(self, result: object) -> tuple[object, object]:
        """What a cell returned, if it is (y, state); SpecError otherwise."""
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            got = type(result).__name__
            raise SpecError(
                f"RecurrentOver expected its cell to return (y, state), got {got}. Return the "
                "output and the state of the next step."
            )
        return result[0], result[1]
