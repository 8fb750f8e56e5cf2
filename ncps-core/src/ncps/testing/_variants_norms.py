"""The cases of the normalisations and of Embedding.

A vector of two is ±1 once normalised, whatever it was: nothing is left of it but rounding. What is
centred here has four entries or more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ncps.testing._cases import Case

Cases = tuple[Case, ...]
_PLAIN = {"scale": False, "center": False}


def _case(layer: str, shape: tuple[int, ...], **options: Any) -> Case:
    return Case(layer, {"input_size": shape[-1], **options}, shape=shape)


def _layer_norm() -> Cases:
    return (
        _case("LayerNorm", (3, 7, 33)),
        _case("LayerNorm", (1, 32), epsilon=1e-3),
        _case("LayerNorm", (31,), scale=False),
        _case("LayerNorm", (2, 3, 5, 4), center=False),
        _case("LayerNorm", (3, 1, 65), **_PLAIN),
        _case("LayerNorm", (2, 65, 4)),
    )


def _rms_norm() -> Cases:
    return (
        _case("RMSNorm", (3, 7, 33)),
        _case("RMSNorm", (1, 32), epsilon=1e-3),
        _case("RMSNorm", (31,), scale=False),
        _case("RMSNorm", (2, 3, 5, 1)),
        _case("RMSNorm", (3, 1, 65)),
    )


def _group_norm() -> Cases:
    return (
        _case("GroupNorm", (3, 7, 33), groups=3),
        _case("GroupNorm", (1, 32), groups=1, epsilon=1e-3),
        _case("GroupNorm", (2, 31, 5), groups=5, scale=False),
        _case("GroupNorm", (2, 3, 5, 12), groups=3, center=False),
        _case("GroupNorm", (3, 2, 64), groups=32, **_PLAIN),
        _case("GroupNorm", (1, 2, 2, 3, 2), groups=2),
        _case("GroupNorm", (2, 1, 1, 6), groups=3),
    )


def _batch_norm() -> Cases:
    return (
        _case("BatchNorm", (3, 7, 33)),
        _case("BatchNorm", (1, 32), epsilon=1e-3, momentum=0.01),
        _case("BatchNorm", (31,), scale=False),
        _case("BatchNorm", (2, 3, 5, 1), center=False, rank=4),
        _case("BatchNorm", (3, 65, 2), **_PLAIN),
        _case("BatchNorm", (1, 2, 2, 3, 2)),
    )


def _embedding() -> Cases:
    def case(shape: tuple[int, ...], rows: int, units: int, **options: Any) -> Case:
        options = {"vocabulary_size": rows, "units": units, **options}
        return Case("Embedding", options, shape=shape)

    return (
        case((3, 7), 31, 33),
        case((65,), 5, 1),
        case((), 1, 32),
        case((2, 3, 4), 33, 31, padding_index=32),
    )


def _small_norm(layer: str, **options: Any) -> Cases:
    return (_case(layer, (3, 8), **options), _case(layer, (3, 7, 6), scale=False, **options))


def _small_embedding() -> Cases:
    options = {"vocabulary_size": 6, "units": 4}
    return (
        Case("Embedding", options, shape=(3, 7)),
        Case("Embedding", {**options, "padding_index": 0}, shape=(3,)),
    )


BROAD: dict[str, Callable[[], Cases]] = {
    "BatchNorm": _batch_norm,
    "Embedding": _embedding,
    "GroupNorm": _group_norm,
    "LayerNorm": _layer_norm,
    "RMSNorm": _rms_norm,
}
SMALL: dict[str, Callable[[], Cases]] = {
    "BatchNorm": lambda: _small_norm("BatchNorm"),
    "Embedding": _small_embedding,
    "GroupNorm": lambda: _small_norm("GroupNorm", groups=2),
    "LayerNorm": lambda: _small_norm("LayerNorm"),
    "RMSNorm": lambda: _small_norm("RMSNorm"),
}
