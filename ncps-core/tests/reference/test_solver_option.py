"""`solver=` of LTC, ELTC and CTRNN: one equation, solved in several ways."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from ncps import specs
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import UnknownNameError
from ncps.reference import run
from ncps.reference._functions import sigmoid, softplus
from ncps.specs import Spec
from ncps.wirings import AutoNCP

D = 2
LAYERS = ("LTCCell", "ELTCCell", "CTRNNCell")
ORDERS = {"semi_implicit": 1, "euler": 1, "midpoint": 2, "rk4": 4}
X = np.array([[0.4, -1.1], [1.3, 0.2]])
DT = np.array([0.7, 0.2])


def built(layer: str, solver: str, unfolds: int = 6) -> Spec:
    return specs.build(
        layer, input_size=D, units=AutoNCP(6, 2, seed=2), solver=solver, ode_unfolds=unfolds
    )


def solved(layer: str, solver: str, unfolds: int = 6, **inputs: Any) -> np.ndarray:
    spec = built(layer, solver, unfolds)
    start = np.linspace(-0.6, 0.9, 12).reshape(2, 6)
    return run(spec, spec.initial_parameters(1), X, start, **{"timespans": DT, **inputs})[1]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("solver", ORDERS)
def test_solvers_come_near_the_same_solution_in_their_order(layer: str, solver: str) -> None:
    exact = solved(layer, "dopri5")
    coarse, fine = (np.abs(solved(layer, solver, n) - exact).max() for n in (30, 60))
    assert 0.85 < np.log2(coarse / fine) / ORDERS[solver] < 1.15


@pytest.mark.parametrize("layer", LAYERS)
def test_dopri5_is_the_solution_of_the_written_equation(layer: str) -> None:
    integrate = pytest.importorskip("scipy.integrate")
    spec = built(layer, "dopri5")
    p, masks = spec.initial_parameters(1), spec.masks

    def ctrnn(x: np.ndarray, h: np.ndarray) -> np.ndarray:
        W, R = p["kernel"] * masks.sensory, p["recurrent_kernel"] * masks.inner
        return np.tanh(x @ W + h @ R + p["bias"]) - h / np.exp(p["log_tau"])

    def ltc(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        slope = softplus(p["gleak"]) * (p["vleak"] - v)
        for prefix, sources, mask in (("", v, masks.inner), ("sensory_", x, masks.sensory)):
            w, sigma, mu, erev = (p[prefix + n] for n in ("w", "sigma", "mu", "erev"))
            current = softplus(w) * mask * sigmoid(sigma * (sources[:, None] - mu)) * (erev - v)
            slope = slope + current.sum(axis=0)
        return slope / softplus(p["cm"])

    slope = ctrnn if layer == "CTRNNCell" else ltc
    start = np.linspace(-0.6, 0.9, 12).reshape(2, 6)
    for x, y, dt, got in zip(X, start, DT, solved(layer, "dopri5"), strict=True):
        expected = integrate.solve_ivp(
            lambda t, v, x=x: slope(x, v), (0, dt), y, method="DOP853", rtol=1e-12, atol=1e-12
        )
        # epsilon, 1e-8, is part of the layer's conductance
        np.testing.assert_allclose(got, expected.y[:, -1], **TOLERANCES["float32"].values)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("solver", [*ORDERS, "dopri5"])
def test_no_time_leaves_the_state_as_it_was(layer: str, solver: str) -> None:
    start = np.linspace(-0.6, 0.9, 12).reshape(2, 6)
    np.testing.assert_array_equal(solved(layer, solver, timespans=0.0), start)


def test_eltc_is_ltc_with_its_solver() -> None:
    assert specs.ELTC(units=3).solver == "rk4"
    assert specs.LTC(units=3).solver == specs.CTRNN(units=3).solver == "semi_implicit"
    for solver in ORDERS:
        np.testing.assert_array_equal(solved("ELTCCell", solver), solved("LTCCell", solver))


@pytest.mark.parametrize("layer", ["LTC", "LTCCell", "ELTC", "ELTCCell", "CTRNN", "CTRNNCell"])
def test_unknown_solver_is_named(layer: str) -> None:
    with pytest.raises(
        UnknownNameError, match=rf"unknown {layer} solver 'rk5'.*Known: dopri5, eul"
    ):
        specs.build(layer, units=3, solver="rk5")


@pytest.mark.parametrize("layer", ["LTC", "ELTC", "CTRNN"])
def test_solver_is_in_the_config_and_may_be_missing_there(layer: str) -> None:
    spec = specs.build(layer, input_size=2, units=3, solver="midpoint")
    assert specs.from_config(spec.to_config()) == spec
    config = spec.to_config()
    del config["solver"]
    default = "rk4" if layer == "ELTC" else "semi_implicit"
    assert specs.from_config(config) == dataclasses.replace(spec, solver=default)
