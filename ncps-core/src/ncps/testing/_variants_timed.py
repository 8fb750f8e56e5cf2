"""The cases of ELTC and CTGRU.

An explicit step must be short beside a neuron's time constant, which falls with its synapses: with
64 sources it is about 0.03 time units. Elapsed times go up to 2.
"""

from __future__ import annotations

from collections.abc import Callable

from ncps.testing._variants_liquid import EXPLICIT, Cases, _both, _case, _sequences, _small
from ncps.testing._wirings import late_motors
from ncps.wirings import AutoNCP, Random


def _eltc(layer: str) -> Cases:
    wired = AutoNCP(8, 2, seed=4)
    return (
        _case(layer, 33, 31, ode_unfolds=60, steps=2, state=True),
        _case(layer, 1, 32, solver="euler", ode_unfolds=40, timespans=False, output_mapping=None),
        _case(layer, 4, 3, solver="euler", ode_unfolds=10, steps=2, state=True),
        _case(layer, wired, 3, solver="midpoint", ode_unfolds=10, steps=2, **EXPLICIT),
        _case(layer, 3, 2, solver="dopri5", batch=1, steps=2, state=True),
        _case(layer, 4, 2, solver="semi_implicit", batch=1),
        _case(layer, wired, 3, mixed_memory=True, ode_unfolds=8, steps=2, state=True),
        _case(layer, Random(9, 4, 0.5), 2, ode_unfolds=12, batch=1, steps=65, epsilon=0.01),
        *_sequences(layer, 3, ode_unfolds=10),
    )


def _small_eltc(layer: str) -> Cases:
    memory = {"units": AutoNCP(5, 2, seed=5), "features": 2, "mixed_memory": True}
    return _small(
        layer,
        {"units": 2, "features": 2, "ode_unfolds": 12},
        {**memory, "solver": "euler", "ode_unfolds": 10},
        {"units": late_motors(), "features": 2, "solver": "midpoint", "ode_unfolds": 12},
    )


def _ctgru(layer: str) -> Cases:
    return (
        _case(layer, 33, 31, steps=2, state=True),
        _case(layer, 32, 1, num_scales=1, batch=1, steps=1),
        _case(layer, 1, 32, num_scales=3, tau_min=0.05, tau_ratio=2.0, timespans=False),
        _case(layer, 5, 3, num_scales=4, cell_clip=0.2, state=True),
        _case(layer, 31, 33, num_scales=2, tau_min=3, steps=2),
        _case(layer, 4, 2, steps=65, batch=1),
        *_sequences(layer, 4),
    )


def _small_ctgru(layer: str) -> Cases:
    short = {"units": 3, "features": 2, "num_scales": 3, "tau_min": 0.1, "cell_clip": 0.5}
    return _small(layer, {"units": 4, "features": 3}, short)


BROAD: dict[str, Callable[[], Cases]] = {**_both("CTGRU", _ctgru), **_both("ELTC", _eltc)}
SMALL: dict[str, Callable[[], Cases]] = {
    **_both("CTGRU", _small_ctgru),
    **_both("ELTC", _small_eltc),
}
