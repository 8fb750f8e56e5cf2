"""Which specs and sizes the kit tries: few cases that meet every option and awkward size once.

Sizes stand beside options instead of being multiplied with them: 1, 31, 32, 33 units and
features (a kernel's tile and its neighbours), 1, 2, 7, 65 steps, a batch of 1 and 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ncps import specs
from ncps.specs import SequenceSpec
from ncps.testing import _variants_activation as activation
from ncps.testing import _variants_attention as attention
from ncps.testing import _variants_collections as collections
from ncps.testing import _variants_containers as containers
from ncps.testing import _variants_conv as conv
from ncps.testing import _variants_dialect as dialect
from ncps.testing import _variants_liquid as liquid
from ncps.testing import _variants_norms as norms
from ncps.testing import _variants_pool as pool
from ncps.testing import _variants_timed as timed
from ncps.testing._cases import Case
from ncps.testing._plugin_cases import of_plugin
from ncps.testing._wirings import deep_wiring, late_motors
from ncps.wirings import AutoNCP, FullyConnected, Wiring

Cases = tuple[Case, ...]


def broad(layer: str) -> Cases:
    """Every option and every awkward size."""
    return _BROAD[layer]() if layer in _BROAD else of_plugin(layer).broad


def small(layer: str) -> Cases:
    """A few small layers that differ in how they keep state: for checks of behaviour."""
    return _SMALL[layer]() if layer in _SMALL else of_plugin(layer).small


def first(layer: str) -> Cases:
    """The first of the small ones."""
    return small(layer)[:1]


def composed(layer: str) -> Cases:
    """Several layers and two directions, of the first and the last of the small ones."""
    spec = specs.get(layer)
    if not issubclass(spec, SequenceSpec) or not spec.composable:
        return ()
    whole = [case for case in small(layer) if case.options.get("return_sequences", True)]
    one, other = whole[0], whole[-1]
    both = {"bidirectional": True, "num_layers": 2}
    return (
        replace(one.with_options(bidirectional=True), mask=True),
        other.with_options(num_layers=3, return_state=False),
        replace(other.with_options(**both), mask=True),
        one.with_options(**both, return_sequences=False),
        replace(other.with_options(bidirectional=True), batch=None, steps=2),
    )


def known_layers() -> tuple[str, ...]:
    """The layer types of the core, all of which have cases."""
    return tuple(_BROAD)


def _dense() -> Cases:
    def case(units: int, features: int, activation: str | None, **call: Any) -> Case:
        use_bias = call.pop("use_bias", True)
        options = {"input_size": features, "units": units, "activation": activation}
        return Case("Dense", {**options, "use_bias": use_bias}, **call)

    return (
        case(33, 31, None),
        case(1, 32, "gelu", batch=1),
        case(32, 33, "lecun_tanh", steps=1),
        case(31, 1, "linear", batch=None),
        case(33, 32, "relu", steps=65),
        case(5, 1, "sigmoid", use_bias=False),
        case(32, 31, "silu", batch=1, steps=2),
        case(31, 33, "tanh", use_bias=False),
    )


def _lstm(layer: str) -> Cases:
    def case(units: int, features: int, use_bias: bool = True, **call: Any) -> Case:
        options = {"input_size": features, "units": units, "use_bias": use_bias}
        return Case(layer, options, **call)

    return (
        case(33, 31, state=True),
        case(32, 33, use_bias=False, steps=2, state=True),
        case(31, 1, batch=1, steps=1),
        case(1, 32, steps=65, timespans=False),
        *((case(4, 3, steps=7, mask=True, state=True),) if layer == "LSTM" else ()),
        *((case(32, 31, steps=65, mask=True),) if layer == "LSTM" else ()),
    )


def _cfc_case(layer: str, units: int | Wiring, features: int, **options: Any) -> Case:
    call = {k: options.pop(k) for k in _CALL if k in options}
    return Case(layer, {"input_size": features, "units": units, **options}, **call)


_CALL = ("batch", "steps", "timespans", "mask", "state")


def _cfc_cell(layer: str) -> Cases:
    def case(units: int | Wiring, features: int, **options: Any) -> Case:
        return _cfc_case(layer, units, features, **options)

    return (
        case(32, 31, backbone_units=33, state=True),
        case(33, 32, backbone_layers=0, steps=2, state=True),
        case(31, 33, backbone_layers=3, backbone_units=32, activation="relu", batch=1),
        case(1, 1, backbone_units=33, steps=65, batch=1),
        case(33, 1, mode="pure", backbone_units=31, activation="tanh", state=True),
        case(1, 33, mode="pure", backbone_layers=0, steps=2),
        case(31, 32, mode="no_gate", backbone_units=1, activation="gelu", steps=1),
        case(32, 33, mode="no_gate", backbone_units=33, activation="silu", timespans=False),
        case(32, 31, mixed_memory=True, backbone_units=31, state=True),
        case(5, 2, mixed_memory=True, mode="pure", backbone_layers=2, backbone_units=6, steps=65),
        case(AutoNCP(33, 5, seed=3), 7, state=True),
        case(AutoNCP(16, 3, seed=4), 3, mode="pure", mixed_memory=True, state=True),
        case(deep_wiring(), 3, mode="no_gate", state=True),
        case(FullyConnected(9, 4), 2, batch=1, state=True),
        case(AutoNCP(16, 3, seed=4), 5, wiring_mode="strict", state=True),
        case(late_motors(), 3, wiring_mode="strict", mode="pure", steps=2, state=True),
        *dialect.cfc(layer),
    )


def _cfc() -> Cases:
    def case(units: int | Wiring, features: int, **options: Any) -> Case:
        return _cfc_case("CfC", units, features, **options)

    return (
        *_cfc_cell("CfC"),
        case(33, 31, backbone_units=32, steps=65, mask=True, state=True),
        case(33, 32, backbone_units=8, proj_size=5, state=True),
        case(AutoNCP(12, 3, seed=5), 4, proj_size=7, mixed_memory=True, mask=True, state=True),
        case(6, 3, backbone_units=8, return_sequences=False, mask=True),
        case(deep_wiring(), 3, return_sequences=False, proj_size=2, steps=2),
        case(6, 3, backbone_units=8, return_state=False, state=True),
        case(5, 4, mode="pure", backbone_units=6, mask=True, state=True),
    )


def _small_recurrent(layer: str) -> Cases:
    lstm = layer.startswith("LSTM")
    options: list[dict[str, Any]] = [{"input_size": 3, "units": 5}]
    if not lstm:
        options[0]["backbone_units"] = 6
        wired = {"units": AutoNCP(12, 3, seed=5), "mixed_memory": True}
        options.append({"input_size": 4, **wired})
        options.append({"input_size": 2, "units": deep_wiring(), "mode": "pure"})
    if not layer.endswith("Cell"):
        options.append({**options[0], "return_sequences": False})
    if layer == "CfC":
        options[1]["proj_size"] = 4
    return tuple(Case(layer, o, state=True) for o in options)


def _small_dense() -> Cases:
    options = {"input_size": 3, "units": 5, "activation": "tanh"}
    return (Case("Dense", options), Case("Dense", {**options, "use_bias": False}))


_BROAD: dict[str, Callable[[], Cases]] = {
    "Dense": _dense,
    "LSTMCell": lambda: _lstm("LSTMCell"),
    "LSTM": lambda: _lstm("LSTM"),
    "CfCCell": lambda: _cfc_cell("CfCCell"),
    "CfC": _cfc,
    **activation.BROAD,
    **conv.BROAD,
    **attention.BROAD,
    **collections.BROAD,
    **containers.BROAD,
    **liquid.BROAD,
    **pool.BROAD,
    **norms.BROAD,
    **timed.BROAD,
}
_SMALL: dict[str, Callable[[], Cases]] = {
    "Dense": _small_dense,
    **{n: (lambda n=n: _small_recurrent(n)) for n in ("LSTMCell", "LSTM", "CfCCell", "CfC")},  # type: ignore[misc]
    **activation.SMALL,
    **conv.SMALL,
    **attention.SMALL,
    **collections.SMALL,
    **containers.SMALL,
    **liquid.SMALL,
    **pool.SMALL,
    **norms.SMALL,
    **timed.SMALL,
}
