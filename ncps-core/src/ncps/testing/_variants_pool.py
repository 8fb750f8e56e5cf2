"""The cases of pools, Flatten and Dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ncps.testing._cases import Case

Cases = tuple[Case, ...]


def _pool(layer: str) -> Cases:
    def case(shape: tuple[int, ...], **options: Any) -> Case:
        return Case(layer, options, shape=shape)

    found: Cases
    if layer.endswith("1D"):
        found = (
            case((3, 7, 33)),
            case((1, 65, 2), pool_size=3, strides=1),
            case((3, 8, 31), pool_size=3, strides=2, padding="same"),
            case((2, 7, 3), pool_size=4, padding="same"),
            case((7, 3), pool_size=3, strides=2, padding=1),
            case((2, 6, 2), pool_size=4, strides=2, padding=3),
            case((2, 1, 1), pool_size=1),
            case((2, 5, 2), pool_size=1, strides=3, padding="same"),
        )
    else:
        found = (
            case((2, 6, 4, 3)),
            case((2, 5, 6, 1), pool_size=(3, 2), strides=(2, 1), padding="same"),
            case((5, 4, 2), pool_size=3, strides=(1, 2), padding=1),
            case((1, 6, 5, 2), pool_size=(2, 4), padding=(0, 3), strides=2),
            case((2, 4, 7, 2), pool_size=(1, 3), padding="same"),
        )
    if layer.startswith("Max"):
        return found
    padded = [c for c in found if c.options.get("padding", "valid") != "valid"]
    return (*found, *(c.with_options(count_include_pad=True) for c in padded))


def _small_pool(layer: str) -> Cases:
    lengths = (7,) if layer.endswith("1D") else (5, 4)
    plain = Case(layer, {}, shape=(3, *lengths, 2))
    return plain, plain.with_options(pool_size=3, strides=2, padding="same")


def _global(layer: str) -> Cases:
    shapes = ((3, 7, 33), (1, 65, 1), (7, 2)) if layer.endswith("1D") else ((2, 3, 5, 4), (4, 3, 2))
    plain = [Case(layer, {}, shape=shape) for shape in shapes]
    return (*plain, plain[0].with_options(keepdims=True), plain[-1].with_options(keepdims=True))


def _small_global(layer: str) -> Cases:
    plain = Case(layer, {}, shape=(3, 5, 2) if layer.endswith("1D") else (3, 4, 5, 2))
    return plain, plain.with_options(keepdims=True)


def _flatten() -> Cases:
    shapes = ((3, 7, 33), (1, 4, 3, 2), (3, 2), (3,))
    return tuple(
        Case("Flatten", {"channels_first": first}, shape=shape)
        for first in (False, True)
        for shape in shapes
    )


def _small_flatten() -> Cases:
    return tuple(Case("Flatten", {"channels_first": f}, shape=(3, 4, 2)) for f in (False, True))


def _dropout() -> Cases:
    shapes = ((3, 7, 33), (31,), (2, 3, 5, 1))
    rates = (0.5, 0.0, 0.9)
    return tuple(Case("Dropout", {"rate": r}, shape=s) for r, s in zip(rates, shapes, strict=True))


def _small_dropout() -> Cases:
    return (Case("Dropout", {}, shape=(3, 4)), Case("Dropout", {"rate": 0.25}, shape=(3, 5, 2)))


_POOLS = ("AveragePool1D", "AveragePool2D", "MaxPool1D", "MaxPool2D")
_GLOBAL = tuple(f"Global{name}" for name in _POOLS)
BROAD: dict[str, Callable[[], Cases]] = {
    "Dropout": _dropout,
    "Flatten": _flatten,
    **{n: (lambda n=n: _global(n)) for n in _GLOBAL},  # type: ignore[misc]
    **{n: (lambda n=n: _pool(n)) for n in _POOLS},  # type: ignore[misc]
}
SMALL: dict[str, Callable[[], Cases]] = {
    "Dropout": _small_dropout,
    "Flatten": _small_flatten,
    **{n: (lambda n=n: _small_global(n)) for n in _GLOBAL},  # type: ignore[misc]
    **{n: (lambda n=n: _small_pool(n)) for n in _POOLS},  # type: ignore[misc]
}
