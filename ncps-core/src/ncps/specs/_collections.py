"""ModuleList and ModuleDict: layers that belong together, each called by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ncps.errors import SpecError
from ncps.specs._base import Kind, Shape, Spec
from ncps.specs._compound import CompoundSpec, member_of

_NAME = re.compile(r"[^\W\d_][^.]*")
# modules have these themselves, and set them
_TAKEN = ("spec", "training")


@dataclass(frozen=True, kw_only=True)
class CollectionSpec(CompoundSpec):
    """Layers that are kept together, and called one by one by whoever has them.

    The collection itself takes no input and has no state: it gives its layers by place or name,
    and has one set of parameters, one file and one conversion for all of them. A layer is described
    as in `ContainerSpec`, and may be a cell too; its sizes must be known, since no call of the
    collection tells them.
    """

    kind: ClassVar[Kind] = "collection"
    sized: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, member in self.members().items():
            if member.is_open:
                raise SpecError(
                    f"{self.layer} expected layer {name} to know its input_size, got a "
                    f"{member.layer} without: nothing tells it later. Pass input_size there."
                )

    @property
    def output_size(self) -> int:
        """SpecError: there is no output."""
        raise self.uncalled()

    def output_shape(self, input_shape: Shape) -> Shape:
        """SpecError: there is no output."""
        raise self.uncalled()

    def example(self, rng: np.random.Generator) -> npt.NDArray[Any]:
        """SpecError: there is no input."""
        raise self.uncalled()

    def uncalled(self) -> SpecError:
        """The error for a use of the collection as if it were a layer with an input."""
        return SpecError(
            f"{self.layer} expected its layers to be called one by one, got a call of its own. "
            "Take a layer out of it, or use Sequential."
        )


@dataclass(frozen=True, kw_only=True)
class ModuleList(CollectionSpec):
    """Layers under their places.

    ``ModuleList(layers=[("Dense", {"input_size": 3, "units": 4}), …])``: parameters ``0.kernel``,
    ``0.bias``, ….

    Raises: SpecError when a layer has no input size yet, or is none.
    """

    layer: ClassVar[str] = "ModuleList"

    layers: tuple[Any, ...]

    def __post_init__(self) -> None:
        given: Any = self.layers
        if not isinstance(given, (tuple, list)) or not given:
            raise SpecError(
                f"ModuleList expected layers to be a list of one layer or more, got {given!r}."
            )
        found = (member_of(self.layer, f"layer {i}", d) for i, d in enumerate(given))
        self._set(layers=tuple(found))
        super().__post_init__()

    def members(self) -> dict[str, Spec]:
        """The layers under their places: ``0``, ``1``, …."""
        return {str(i): member for i, member in enumerate(self.layers)}


@dataclass(frozen=True, kw_only=True)
class ModuleDict(CollectionSpec):
    """Layers under names, in order.

    ``ModuleDict(layers={"encoder": ("Dense", {"input_size": 3, "units": 4}), …})``: parameters
    ``encoder.kernel``, …. A name begins with a letter and has no dot, so that it can stand in a
    path of every framework; ``spec`` and ``training`` are taken. The spec keeps pairs of name and
    layer, and takes such too.

    Raises: SpecError when a layer has no input size yet, or is none, or a name cannot be one.
    """

    layer: ClassVar[str] = "ModuleDict"

    layers: Any

    def __post_init__(self) -> None:
        pairs = _pairs(self.layers)
        for name, _ in pairs:
            if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _TAKEN:
                raise SpecError(
                    "ModuleDict expected names that begin with a letter, have no dot and are none "
                    f"of {', '.join(_TAKEN)}, got {name!r}. Rename that layer."
                )
        names = [name for name, _ in pairs]
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice:
            raise SpecError(f"ModuleDict expected one layer under each name, got two as {twice}.")
        found = ((name, member_of(self.layer, f"layer {name}", d)) for name, d in pairs)
        self._set(layers=tuple(found))
        super().__post_init__()

    def members(self) -> dict[str, Spec]:
        """The layers under their names."""
        return dict(self.layers)


def _pairs(given: Any) -> list[tuple[Any, Any]]:
    items: Any = given.items() if isinstance(given, Mapping) else given
    pairs = list(items) if isinstance(items, Iterable) and not isinstance(items, str) else []
    if not pairs or any(not isinstance(p, (tuple, list)) or len(p) != 2 for p in pairs):
        raise SpecError(
            f"ModuleDict expected layers to be a dict of one layer or more by name, got {given!r}."
        )
    return [tuple(pair) for pair in pairs]
