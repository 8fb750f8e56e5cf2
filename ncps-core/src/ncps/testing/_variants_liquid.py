"""The cases of RNN, GRU, LTC, CTRNN and NCPDense."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ncps.testing._cases import Case
from ncps.testing._variants_dialect import ltc as ltc_in_dialect
from ncps.testing._wirings import late_motors
from ncps.wirings import AutoNCP, Random, Wiring

Cases = tuple[Case, ...]
EXPLICIT = {"implicit_param_constraints": False}
_CALL = ("batch", "steps", "timespans", "mask", "state")


def _case(layer: str, units: int | Wiring, features: int, **options: Any) -> Case:
    call = {k: options.pop(k) for k in _CALL if k in options}
    return Case(layer, {"input_size": features, "units": units, **options}, **call)


def _sequences(layer: str, units: int | Wiring, **options: Any) -> Cases:
    """What a sequence layer has beyond its cell: masks, one output, no state."""
    if layer.endswith("Cell"):
        return ()
    return (
        _case(layer, units, 3, steps=65, mask=True, state=True, **options),
        _case(layer, units, 3, mask=True, return_sequences=False, **options),
        _case(layer, units, 3, return_state=False, state=True, **options),
    )


def _gated(layer: str, **variant: Any) -> Cases:
    """RNN and GRU; `variant` is the other value of their own option."""
    return (
        _case(layer, 33, 31, state=True),
        _case(layer, 32, 33, use_bias=False, steps=2, state=True),
        _case(layer, 31, 32, **variant, state=True),
        _case(layer, 5, 3, use_bias=False, **variant, state=True),
        _case(layer, 31, 1, batch=1, steps=1),
        _case(layer, 1, 32, steps=65, timespans=False),
        *_sequences(layer, 4),
    )


def _ltc(layer: str) -> Cases:
    linear = {"output_mapping": "linear", "epsilon": 0.01}
    return (
        _case(layer, 33, 31, state=True),
        _case(layer, 32, 1, batch=1, steps=1, input_mapping="linear"),
        _case(layer, 1, 33, steps=2, input_mapping=None, output_mapping=None),
        _case(layer, 31, 32, ode_unfolds=1, timespans=False, **EXPLICIT),
        _case(layer, 5, 2, ode_unfolds=9, state=True, **EXPLICIT),
        _case(layer, AutoNCP(33, 5, seed=3), 7, state=True),
        _case(layer, AutoNCP(16, 3, seed=4), 3, mixed_memory=True, state=True, **EXPLICIT),
        _case(layer, late_motors(), 3, state=True, **linear),
        _case(layer, Random(9, 4, 0.5), 2, batch=1, steps=65),
        _case(layer, 3, 2, solver="dopri5", batch=1, steps=2, state=True),
        *ltc_in_dialect(layer),
        *_sequences(layer, 4),
    )


def _ctrnn(layer: str) -> Cases:
    return (
        _case(layer, 33, 31, state=True),
        _case(layer, 31, 33, activation="relu", steps=2, state=True),
        _case(layer, 1, 32, activation="sigmoid", batch=1, steps=1),
        _case(layer, 32, 1, ode_unfolds=1, timespans=False),
        _case(layer, AutoNCP(33, 5, seed=3), 7, state=True),
        _case(layer, late_motors(), 3, ode_unfolds=3, steps=65),
        _case(layer, 33, 31, solver="rk4", state=True),
        _case(layer, late_motors(), 3, solver="euler", ode_unfolds=3, timespans=False),
        _case(layer, 32, 1, solver="midpoint", activation="sigmoid", steps=2),
        _case(layer, 3, 2, solver="dopri5", batch=1, steps=2, state=True),
        *_sequences(layer, 4),
    )


def _ncp_dense() -> Cases:
    return (
        _case("NCPDense", 33, 31),
        _case("NCPDense", AutoNCP(12, 3, seed=5), 4, activation="relu"),
        _case("NCPDense", Random(9, 4, 0.5), 7, use_signs=True, activation="tanh", batch=None),
        _case("NCPDense", 5, 1, use_bias=False, batch=1, steps=1),
        _case("NCPDense", 32, 33, use_signs=True, use_bias=False, steps=2),
    )


def _small(layer: str, *options: dict[str, Any]) -> Cases:
    cases = [_case(layer, **o, state=True) for o in options]
    if not layer.endswith("Cell"):
        cases.append(cases[0].with_options(return_sequences=False))
    return tuple(cases)


def _small_gated(layer: str, **variant: Any) -> Cases:
    plain = {"units": 5, "features": 3}
    return _small(layer, plain, {**plain, **variant, "use_bias": False})


def _small_ltc(layer: str) -> Cases:
    memory = {"units": AutoNCP(6, 2, seed=5), "features": 4, "mixed_memory": True}
    explicit = {"units": late_motors(), "features": 2, **EXPLICIT, "input_mapping": None}
    return _small(layer, {"units": 4, "features": 3}, memory, explicit)


def _small_ctrnn(layer: str) -> Cases:
    wired = {"units": late_motors(), "features": 3}
    return _small(layer, {"units": 4, "features": 3}, {**wired, "activation": "relu"})


def _small_ncp_dense() -> Cases:
    wiring = AutoNCP(8, 2, seed=5)
    return (
        _case("NCPDense", 5, 3, activation="tanh"),
        _case("NCPDense", wiring, 3, use_signs=True),
        _case("NCPDense", wiring, 4, use_bias=False),
    )


def _both(layer: str, cases: Callable[..., Cases], **variant: Any) -> dict[str, Any]:
    """The cases of a cell and of its sequence."""
    return {name: lambda n=name: cases(n, **variant) for name in (f"{layer}Cell", layer)}


BROAD: dict[str, Callable[[], Cases]] = {
    "NCPDense": _ncp_dense,
    **_both("RNN", _gated, activation="relu"),
    **_both("GRU", _gated, reset_after=False),
    **_both("LTC", _ltc),
    **_both("CTRNN", _ctrnn),
}
SMALL: dict[str, Callable[[], Cases]] = {
    "NCPDense": _small_ncp_dense,
    **_both("RNN", _small_gated, activation="relu"),
    **_both("GRU", _small_gated, reset_after=False),
    **_both("LTC", _small_ltc),
    **_both("CTRNN", _small_ctrnn),
}
