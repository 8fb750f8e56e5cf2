"""ModuleList and ModuleDict: layers that are called one by one."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from torch import nn

from ncps_torch.layers._containers import Compound


class Collection(Compound):
    """Layers that belong together, each a submodule under its name; see `CollectionSpec`.

    Which layers there are stands in the spec, and does not change.
    """

    def _hold(self, name: str, layer: nn.Module) -> None:
        # as torch.nn.ModuleList does: add_module refuses names of methods, such as "type"
        self._modules[name] = layer

    def __len__(self) -> int:
        return len(self._modules)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """SpecError: only the layers inside are called."""
        raise self.spec.uncalled()

    def extra_repr(self) -> str:
        """The dtype; the layers are shown below it."""
        return f"dtype={self.dtype}"


class ModuleList(Collection):
    """Layers under their places, as `torch.nn.ModuleList` has them; see `ncps.specs.ModuleList`.

    ``layers[0]``, ``layers[1:]``, iteration and `len` as of a list.

    Raises: SpecError when it is called.
    """

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __getitem__(self, place: int | slice) -> Any:
        return list(self)[place]


class ModuleDict(Collection):
    """Layers under names, as `torch.nn.ModuleDict` has them; see `ncps.specs.ModuleDict`.

    ``layers["encoder"]``, ``in``, iteration over names, keys, values and items as of a dict.

    Raises: SpecError when it is called.
    """

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __getitem__(self, name: str) -> Any:
        return self._modules[name]

    def keys(self) -> KeysView[str]:
        """The names, in order."""
        return self._modules.keys()

    def values(self) -> ValuesView[Any]:
        """The layers, in order."""
        return self._modules.values()

    def items(self) -> ItemsView[str, Any]:
        """Names and layers, in order."""
        return self._modules.items()
