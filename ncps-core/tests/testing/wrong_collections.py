"""Collections of the reference with one planted fault each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ncps.reference import collections
from ncps.reference.layers import ReferenceLayer


class IteratesBackwards(collections.ModuleList):
    def __iter__(self) -> Iterator[ReferenceLayer]:
        return reversed(list(super().__iter__()))


class CanBeCalled(collections.ModuleList):
    def __call__(self, x: Any) -> Any:
        return x


class LayersOfTheirOwn(collections.ModuleDict):
    def members(self) -> dict[str, ReferenceLayer]:
        specs = self.spec.members().items()
        return {name: ReferenceLayer(spec, seed=3) for name, spec in specs}

    def __getitem__(self, name: str) -> ReferenceLayer:
        return self.members()[name]


class HasEveryName(collections.ModuleDict):
    def __contains__(self, name: object) -> bool:
        return True
