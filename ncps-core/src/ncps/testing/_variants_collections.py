"""The cases of ModuleList and ModuleDict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ncps.testing._cases import Case
from ncps.testing._wirings import late_motors

Cases = tuple[Case, ...]
Description = tuple[str, dict[str, Any]]


def _layer(name: str, units: Any, features: int = 3, **options: Any) -> Description:
    return (name, {"input_size": features, "units": units, **options})


_DENSE = _layer("Dense", 4, activation="tanh")
_CELL = _layer("CfCCell", 5, backbone_units=6)
_WORDS: Description = ("Embedding", {"vocabulary_size": 9, "units": 4})
_DEEP: Description = ("Sequential", {"layers": [_layer("GRU", 4), ("LayerNorm", {})]})
_LAST = _layer("LSTM", 5, return_sequences=False, return_state=False)
_POOLS = ("ModuleList", {"layers": ["GlobalMaxPool1D", _layer("Dense", 2)]})


def _list(*layers: Any) -> Case:
    return Case("ModuleList", {"layers": list(layers)})


def _dict(**layers: Any) -> Case:
    return Case("ModuleDict", {"layers": layers})


def _small_list() -> Cases:
    return (_list(_DENSE, _CELL), _list(_DEEP, "Flatten", _LAST), _list("Flatten"))


def _small_dict() -> Cases:
    # names of methods of the frameworks' modules are names like any other
    return (_dict(encoder=_DENSE, type=_LAST), _dict(update=_POOLS, layers=_DEEP))


BROAD: dict[str, Callable[[], Cases]] = {
    "ModuleDict": lambda: (
        *_small_dict(),
        _dict(words=_WORDS, circuit=_layer("CfC", late_motors()), cell=_layer("LTCCell", 33, 31)),
    ),
    "ModuleList": lambda: (
        *_small_list(),
        _list(_WORDS, _layer("Dense", 32, 33), _layer("RNN", 31, 1, bidirectional=True)),
    ),
}
SMALL: dict[str, Callable[[], Cases]] = {"ModuleDict": _small_dict, "ModuleList": _small_list}
