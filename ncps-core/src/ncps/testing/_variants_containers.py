"""The cases of Sequential, Residual and Bidirectional."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ncps.testing._cases import Case
from ncps.testing._wirings import late_motors

Cases = tuple[Case, ...]
Description = tuple[str, dict[str, Any]]
_CALL = ("batch", "steps", "timespans", "mask", "state", "shape")


def _case(layer: str, features: int | None, **options: Any) -> Case:
    call = {k: options.pop(k) for k in _CALL if k in options}
    return Case(layer, {"input_size": features, **options}, **call)


def _dense(units: int, activation: str = "tanh") -> Description:
    return ("Dense", {"units": units, "activation": activation})


def _layer(name: str, units: Any, **options: Any) -> Description:
    return (name, {"units": units, **options})


def _cfc(units: Any, **options: Any) -> Description:
    return _layer("CfC", units, backbone_units=6, **options)


_EMBEDDING = ("Embedding", {"vocabulary_size": 9, "units": 4})
_WORDS = [_EMBEDDING, _layer("GRU", 5), _dense(2, "linear")]
_NORM: Description = ("LayerNorm", {})
_LAST = {"return_sequences": False}
_DEEP = ("Sequential", {"layers": [_dense(6), _layer("RNN", 4)]})


def _sequential() -> Cases:
    def case(features: int | None, *layers: Description, **options: Any) -> Case:
        return _case("Sequential", features, layers=list(layers), **options)

    return (
        case(31, _dense(33), _NORM, _dense(4)),
        case(5, ("Activation", {"activation": "silu"}), _dense(4), shape=(2, 5)),
        case(None, _EMBEDDING, _dense(3), shape=(2, 3)),
        case(32, _dense(5), _cfc(31), _layer("LSTM", 4), mask=True, state=True),
        case(3, _layer("CfC", late_motors()), _layer("LSTM", 5, **_LAST), _dense(2), mask=True),
        case(4, _DEEP, _dense(3), _layer("CTRNN", 5), steps=65, state=True),
        case(None, *_WORDS, state=True, mask=True),
        case(3, _layer("GRU", 4, bidirectional=True, num_layers=2), _dense(2), mask=True),
        case(3, _layer("LSTM", 4, return_state=False), return_state=False, batch=1, steps=1),
    )


def _residual() -> Cases:
    def case(features: int, inner: Description, **options: Any) -> Case:
        return _case("Residual", features, inner=inner, **options)

    return (
        case(33, _dense(33)),
        case(4, ("Sequential", {"layers": [_NORM, _dense(7), _dense(4)]}), shape=(4,)),
        case(31, _cfc(31), mask=True, state=True),
        case(4, ("Sequential", {"layers": [_dense(6), _layer("LSTM", 4)]}), state=True),
        case(3, _layer("RNN", 3), steps=65, mask=True),
        case(1, _layer("GRU", 1), batch=1, steps=1, timespans=False),
    )


def _bidirectional() -> Cases:
    def case(features: int, inner: Description, **options: Any) -> Case:
        return _case("Bidirectional", features, inner=inner, **options)

    return (
        case(31, _cfc(33), mask=True, state=True),
        case(3, _layer("LSTM", 4, num_layers=2), merge="sum", steps=2, state=True),
        case(4, _layer("GRUCell", 5), merge="mul", mask=True),
        case(3, _layer("CTRNN", 32, **_LAST), merge="ave", steps=65),
        case(3, ("Sequential", {"layers": [_cfc(4), _dense(2)]}), mask=True, state=True),
        case(2, _layer("RNN", 3, **_LAST), return_state=False, batch=1, steps=1),
    )


def _small_sequential() -> Cases:
    layers = [_dense(4), _cfc(5), _dense(2)]
    memory = [_layer("LSTM", 4, return_sequences=False), _dense(3)]
    return (
        _case("Sequential", 3, layers=layers, state=True),
        _case("Sequential", 3, layers=memory, state=True),
        _case("Sequential", None, layers=_WORDS, state=True),
        _case("Sequential", 3, layers=[_dense(5), _NORM]),
    )


def _small_residual() -> Cases:
    wide = ("Sequential", {"layers": [_layer("LSTM", 5), _layer("Dense", 3)]})
    return (
        _case("Residual", 4, inner=_cfc(4), state=True),
        _case("Residual", 3, inner=_NORM),
        _case("Residual", 3, inner=wide, state=True),
    )


def _small_bidirectional() -> Cases:
    return (
        _case("Bidirectional", 3, inner=_cfc(4), state=True),
        _case("Bidirectional", 3, inner=_layer("LSTM", 4), merge="sum", state=True),
        _case("Bidirectional", 3, inner=_layer("RNN", 4, **_LAST), merge="mul", state=True),
    )


BROAD: dict[str, Callable[[], Cases]] = {
    "Bidirectional": _bidirectional,
    "Residual": _residual,
    "Sequential": _sequential,
}
SMALL: dict[str, Callable[[], Cases]] = {
    "Bidirectional": _small_bidirectional,
    "Residual": _small_residual,
    "Sequential": _small_sequential,
}
