"""ModuleList and ModuleDict: layers that are called one by one."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

import keras

from ncps.specs import Shape
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._containers import Compound


class Collection(Compound):
    """Layers that belong together; see `ncps.specs.CollectionSpec`.

    Which layers there are stands in the spec, and does not change.
    """

    def build(self, input_shape: Shape | None = None) -> None:
        """Create the layers; does nothing when they exist. No input's shape matters to them."""
        if not self.built:
            self._create()

    def __len__(self) -> int:
        return len(self.layers)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """SpecError: only the layers inside are called."""
        raise self.spec.uncalled()


@keras.saving.register_keras_serializable(package=PACKAGE)
class ModuleList(Collection):
    """Layers under their places, in the list `layers`; see `ncps.specs.ModuleList`.

    ``module[0]``, ``module[1:]``, iteration and `len` as of a list.

    Raises: SpecError when it is called.
    """

    def _held(self, members: dict[str, Any]) -> Any:
        return list(members.values())

    def members(self) -> dict[str, Any]:
        """The layers inside under their places."""
        return {str(i): member for i, member in enumerate(self.layers)}

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __getitem__(self, place: int | slice) -> Any:
        return list(self.layers)[place]


@keras.saving.register_keras_serializable(package=PACKAGE)
class ModuleDict(Collection):
    """Layers under names, in the dict `layers`; see `ncps.specs.ModuleDict`.

    ``module["encoder"]``, ``in``, iteration over names, keys, values and items as of a dict.

    Raises: SpecError when it is called.
    """

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __contains__(self, name: object) -> bool:
        return name in self.layers

    def __getitem__(self, name: str) -> Any:
        return self.layers[name]

    def keys(self) -> KeysView[str]:
        """The names, in order."""
        return self.members().keys()

    def values(self) -> ValuesView[Any]:
        """The layers, in order."""
        return self.members().values()

    def items(self) -> ItemsView[str, Any]:
        """Names and layers, in order."""
        return self.members().items()
