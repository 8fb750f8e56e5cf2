"""ModuleList and ModuleDict of the reference."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from ncps.reference import layers
from ncps.reference._containers import inside
from ncps.reference.layers import ReferenceLayer
from ncps.specs import CollectionSpec, Spec


class _Collection(ReferenceLayer):
    """Layers that are called one by one."""

    spec: CollectionSpec

    def members(self) -> dict[str, ReferenceLayer]:
        """The layers by name, with copies of their parameters."""
        return {name: self._member(name, spec) for name, spec in self.spec.members().items()}

    def _member(self, name: str, spec: Spec) -> ReferenceLayer:
        kinds: dict[str, type[ReferenceLayer]] = {
            "ModuleDict": ModuleDict,
            "ModuleList": ModuleList,
        }
        plain: type[ReferenceLayer] = getattr(layers, spec.layer, ReferenceLayer)
        kind = kinds.get(spec.layer, plain)
        made = kind(spec, seed=0)
        made.set_native(inside(self._arrays, name))
        return made

    def __len__(self) -> int:
        return len(self.spec.members())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """SpecError: only the layers inside are called."""
        raise self.spec.uncalled()


class ModuleList(_Collection):
    """See `ncps.specs.ModuleList`; ``layer[0]``, iteration and `len` as of a list."""

    def __iter__(self) -> Iterator[ReferenceLayer]:
        return iter(self.members().values())

    def __getitem__(self, place: int | slice) -> Any:
        return list(self)[place]


class ModuleDict(_Collection):
    """See `ncps.specs.ModuleDict`; ``layer["name"]``, keys, values and items as of a dict."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.spec.members())

    def __contains__(self, name: object) -> bool:
        return name in self.spec.members()

    def __getitem__(self, name: str) -> ReferenceLayer:
        return self._member(name, self.spec.members()[name])

    def keys(self) -> KeysView[str]:
        """The names, in order."""
        return self.spec.members().keys()

    def values(self) -> ValuesView[ReferenceLayer]:
        """The layers, in order."""
        return self.members().values()

    def items(self) -> ItemsView[str, ReferenceLayer]:
        """Names and layers, in order."""
        return self.members().items()
