"""The cases of convolutions and their transposes: each option beside others, at awkward sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ncps.testing._cases import Case

Cases = tuple[Case, ...]


def _conv1d() -> Cases:
    def case(shape: tuple[int, ...], filters: int, size: int, **options: Any) -> Case:
        return _case("Conv1D", shape, filters, size, **options)

    return (
        case((3, 7, 31), 33, 3),
        case((1, 65, 1), 32, 5, padding="same", activation="relu"),
        case((3, 8, 32), 1, 3, padding="same", strides=2, activation="gelu"),
        case((3, 7, 33), 31, 2, padding="same", strides=2, use_bias=False),
        case((2, 9, 3), 4, 4, padding="causal", dilation=2, activation="tanh"),
        case((2, 8, 3), 4, 3, padding="causal", strides=3),
        case((7, 3), 5, 3, padding=2, strides=2, dilation=2),
        case((2, 7, 6), 9, 3, groups=3, padding="same", dilation=2),
        case((2, 7, 4), 8, 3, groups=4, strides=2, padding=1, use_bias=False),
        case((2, 1, 2), 3, 1, strides=2, activation="silu"),
        case((2, 2, 3), 2, 5, padding="same", strides=3, activation="lecun_tanh"),
        case((2, 5, 3), 2, 1, padding="same", strides=3, activation="sigmoid"),
    )


def _conv2d() -> Cases:
    def case(shape: tuple[int, ...], filters: int, size: Any, **options: Any) -> Case:
        return _case("Conv2D", shape, filters, size, **options)

    return (
        case((2, 5, 7, 3), 33, 3),
        case((1, 8, 7, 1), 4, (3, 2), padding="same", strides=2, activation="relu"),
        case((2, 6, 6, 3), 1, (2, 4), padding="same", strides=(2, 3), use_bias=False),
        case((6, 5, 2), 3, (1, 3), padding=(0, 2), dilation=(1, 2), activation="tanh"),
        case((2, 7, 5, 4), 6, 3, groups=2, padding="same", dilation=(2, 1)),
        case((2, 5, 5, 3), 6, (3, 2), groups=3, padding=1, strides=(2, 1)),
        case((1, 1, 1, 31), 2, 1, activation="linear"),
    )


def _conv1d_transpose() -> Cases:
    def case(shape: tuple[int, ...], filters: int, size: int, **options: Any) -> Case:
        return _case("Conv1DTranspose", shape, filters, size, **options)

    return (
        case((3, 7, 31), 33, 3),
        case((1, 2, 32), 1, 3, strides=2, activation="relu"),
        case((2, 5, 3), 4, 4, strides=2, padding="same", use_bias=False),
        case((2, 5, 3), 4, 3, strides=2, padding="same", activation="tanh"),
        case((2, 5, 3), 4, 2, strides=3, padding="same", activation="gelu"),
        case((5, 3), 2, 3, strides=3, padding=1, output_padding=2),
        case((2, 6, 33), 2, 3, dilation=2, padding=1, output_padding=1),
        case((2, 1, 1), 3, 1, strides=2, output_padding=1),
        case((2, 4, 2), 3, 5, padding="same", dilation=2),
    )


def _conv2d_transpose() -> Cases:
    def case(shape: tuple[int, ...], filters: int, size: Any, **options: Any) -> Case:
        return _case("Conv2DTranspose", shape, filters, size, **options)

    return (
        case((2, 3, 4, 5), 33, 3),
        case((1, 3, 2, 1), 2, (3, 2), strides=2, padding="same", activation="silu"),
        case((2, 3, 4, 3), 2, (1, 4), strides=(2, 1), padding="same", use_bias=False),
        case((3, 4, 2), 3, (3, 4), strides=(2, 3), padding=(1, 2), output_padding=(1, 0)),
        case((2, 3, 3, 2), 2, 2, dilation=(2, 1), activation="sigmoid"),
    )


def _small(layer: str) -> Cases:
    one = (7,) if layer.startswith("Conv1D") else (5, 6)
    plain = _case(layer, (3, *one, 2), 4, 3, activation="tanh")
    strided = {"padding": "same", "strides": 2, "use_bias": False}
    grouped = {} if layer.endswith("Transpose") else {"groups": 2}
    return (plain, _case(layer, (3, *one, 4), 6, 2, **strided, **grouped))


def _case(layer: str, shape: tuple[int, ...], filters: int, size: Any, **options: Any) -> Case:
    fixed = {"input_size": shape[-1], "filters": filters, "kernel_size": size}
    return Case(layer, {**fixed, **options}, shape=shape)


BROAD: dict[str, Callable[[], Cases]] = {
    "Conv1D": _conv1d,
    "Conv1DTranspose": _conv1d_transpose,
    "Conv2D": _conv2d,
    "Conv2DTranspose": _conv2d_transpose,
}
SMALL: dict[str, Callable[[], Cases]] = {
    layer: (lambda layer=layer: _small(layer))  # type: ignore[misc]
    for layer in BROAD
}
