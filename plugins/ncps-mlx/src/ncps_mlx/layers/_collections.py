"""ModuleList and ModuleDict: layers that are called one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ncps_mlx.layers._containers import Compound


class Collection(Compound):
    """Layers that belong together; see `ncps.specs.CollectionSpec`.

    Which layers there are stands in the spec, and does not change.
    """

    def _options(self) -> dict[str, Any]:
        # each is called by itself, and must know what a call of it runs on
        return {"dtype": self._dtype if self._dtype_given else None, "device": self._device}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """SpecError: only the layers inside are called."""
        raise self.spec.uncalled()

    def _extra_repr(self) -> str:
        return f"dtype={self.dtype}"


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

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __getitem__(self, place: Any) -> Any:
        # a module of MLX is a dict, whose own keys MLX asks for
        return super().__getitem__(place) if isinstance(place, str) else self.layers[place]


class ModuleDict(Collection):
    """Layers under names; see `ncps.specs.ModuleDict`.

    A module of MLX is a dict of what is in it: ``module["encoder"]``, ``in``, iteration over names,
    keys, values and items are that dict's.

    Raises: SpecError when it is called.
    """

    prefix = ""

    def _hold(self, members: dict[str, Any]) -> None:
        # not as attributes: a name may be that of a method, such as "update"
        for name, member in members.items():
            self[name] = member

    def members(self) -> dict[str, Any]:
        """The layers inside by name."""
        return dict(self.items())
