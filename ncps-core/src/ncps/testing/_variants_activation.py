"""The cases of Activation."""

from __future__ import annotations

from collections.abc import Callable

from ncps.specs import _validate
from ncps.testing._cases import Case

Cases = tuple[Case, ...]
_SHAPES = ((3, 7, 33), (1, 32), (31,), (2, 3, 5, 1), (3, 65, 2), (3, 4), (2, 2))


def _broad() -> Cases:
    return tuple(
        Case("Activation", {"activation": name}, shape=shape)
        for name, shape in zip(_validate.ACTIVATIONS, _SHAPES, strict=True)
    )


def _small() -> Cases:
    return tuple(Case("Activation", {"activation": n}, shape=(3, 4)) for n in ("relu", "gelu"))


BROAD: dict[str, Callable[[], Cases]] = {"Activation": _broad}
SMALL: dict[str, Callable[[], Cases]] = {"Activation": _small}
