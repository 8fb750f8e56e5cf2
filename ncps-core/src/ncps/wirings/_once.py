"""Build a wiring once, whole or not at all, and freeze it afterwards.

A subclass overrides ``build`` and calls ``super().build(input_dim)`` first, so several builds
run inside one another. Only the outermost one knows that the circuit is complete.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ncps.errors import WiringError

from ._checks import count

if TYPE_CHECKING:
    from ._wiring import Wiring

Build = Callable[..., None]


def once(method: Build) -> Build:
    """``method``, a class's ``build``, made idempotent, atomic and freezing."""

    @functools.wraps(method)
    def build(self: Wiring, input_dim: int, *args: Any, **kwargs: Any) -> None:
        if self._building:
            method(self, input_dim, *args, **kwargs)
            return
        size = count("input_dim", input_dim)
        if self._frozen:
            _check_same_size(self, size)
            return
        before = copy.deepcopy(self.__dict__)
        self._building = True
        try:
            method(self, size, *args, **kwargs)
            self._freeze(size)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        self._building = False
        self._before_build = before

    build._runs_once = True  # type: ignore[attr-defined]
    return build


def runs_once(method: Build) -> bool:
    """Whether ``method`` went through ``once`` already."""
    return getattr(method, "_runs_once", False)


def _check_same_size(wiring: Wiring, size: int) -> None:
    if wiring.input_dim != size:
        raise WiringError(
            f"{type(wiring).__name__} is built for input_dim {wiring.input_dim}, got {size}. "
            f"Use wiring.built({size}), which returns a copy, or make a new wiring."
        )
