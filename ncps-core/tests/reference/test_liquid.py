"""The equations of RNN, GRU, LTC, CTRNN, NCPDense and strict CfC: what must hold of each."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ncps.conversion.tolerances import TOLERANCES
from ncps.reference import run
from ncps.specs import (
    CTRNN,
    GRU,
    LTC,
    RNN,
    CfC,
    CfCCell,
    CTRNNCell,
    LTCCell,
    NCPDense,
    Spec,
)
from ncps.wirings import NCP, AutoNCP, Random

B, T, D = 3, 5, 2
EXACT = TOLERANCES["float64"].values
DERIVATIVE = TOLERANCES["float32"].gradients
EXPLICIT = {"implicit_param_constraints": False}
TIMED = {
    "ltc": LTC(input_size=D, units=4),
    "explicit": LTC(input_size=D, units=AutoNCP(9, 2), **EXPLICIT, epsilon=0.0),
    "ltc_cell": LTCCell(input_size=D, units=Random(5, 3, 0.5)),
    "ctrnn": CTRNN(input_size=D, units=4),
    "wired_ctrnn": CTRNN(input_size=D, units=AutoNCP(9, 2), activation="relu"),
    "ctrnn_cell": CTRNNCell(input_size=D, units=3, activation="sigmoid"),
}
SPECS = {
    **{name: spec for name, spec in TIMED.items() if spec.kind == "sequence"},
    "rnn": RNN(input_size=D, units=4, activation="relu"),
    "gru": GRU(input_size=D, units=4, num_layers=2),
    "gru_before": GRU(input_size=D, units=4, reset_after=False),
    "memory": LTC(input_size=D, units=AutoNCP(9, 2), mixed_memory=True, num_layers=2),
    "strict": CfC(input_size=D, units=AutoNCP(9, 2), wiring_mode="strict"),
}


def parameters(spec: Spec, scale: float = 0.5) -> dict[str, np.ndarray]:
    """First values, moved a little, so that none is 0 or 1 where it matters."""
    rng = np.random.default_rng(8)
    first = spec.initial_parameters(0)
    return {k: v + scale * rng.standard_normal(v.shape) for k, v in first.items()}


def data(spec: Spec) -> tuple[np.ndarray, Any, np.ndarray]:
    rng = np.random.default_rng(1)
    lead = (B, T) if spec.kind == "sequence" else (B,)
    state = tuple(rng.standard_normal((B, *shape)) for _, shape in spec.state_shapes())
    return rng.standard_normal((*lead, D)), state, rng.random(lead) * 3


def states(state: Any) -> tuple[np.ndarray, ...]:
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_split_sequence_gives_the_same_result(spec: Spec) -> None:
    p, (x, h, dt) = parameters(spec), data(spec)
    y, last = run(spec, p, x, h, dt)
    y1, middle = run(spec, p, x[:, :2], h, dt[:, :2])
    y2, end = run(spec, p, x[:, 2:], middle, dt[:, 2:])
    np.testing.assert_array_equal(np.concatenate([y1, y2], axis=1), y)
    for a, b in zip(states(end), states(last), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_masked_steps_change_nothing_and_repeat_the_output(spec: Spec) -> None:
    p, (x, h, dt) = parameters(spec), data(spec)
    mask = np.ones((B, T), dtype=bool)
    mask[:, 2] = False
    y, last = run(spec, p, x, h, dt, mask)
    keep = [0, 1, 3, 4]
    y_kept, last_kept = run(spec, p, x[:, keep], h, dt[:, keep])
    np.testing.assert_array_equal(y[:, keep], y_kept)
    np.testing.assert_array_equal(y[:, 2], y[:, 1])
    for a, b in zip(states(last), states(last_kept), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_rows_of_a_batch_know_nothing_of_each_other(spec: Spec) -> None:
    p, (x, h, dt) = parameters(spec), data(spec)
    y, last = run(spec, p, x, h, dt)
    for i in range(B):
        y_row, last_row = run(spec, p, x[i], tuple(s[i] for s in h), dt[i])
        np.testing.assert_allclose(y[i], y_row, **EXACT)
        for a, b in zip(states(last), states(last_row), strict=True):
            np.testing.assert_allclose(a[i], b, **EXACT)


@pytest.mark.parametrize("spec", TIMED.values(), ids=TIMED)
def test_no_time_leaves_the_state_as_it_was(spec: Spec) -> None:
    p, (x, h, dt) = parameters(spec), data(spec)
    _, last = run(spec, p, x, h, 0.0)
    np.testing.assert_array_equal(last, h[0])
    # and some time does not
    assert not np.any(run(spec, p, x, h, dt + 0.1)[1] == h[0])


@pytest.mark.parametrize("dt", [0.0, 1.0])
def test_ltc_without_capacity_or_conductance_is_not_nan(dt: float) -> None:
    spec = TIMED["explicit"]
    p, (x, h, _) = parameters(spec), data(spec)
    p |= {name: np.zeros_like(p[name]) for name in LTC.nonnegative}
    _, last = run(spec, p, x, h, dt)
    np.testing.assert_array_equal(last, h[0])


def test_explicit_constraints_are_applied() -> None:
    spec = TIMED["explicit"]
    p, (x, h, dt) = parameters(spec), data(spec)
    clipped = p | {name: np.maximum(p[name], 0.0) for name in spec.nonnegative}
    assert all(np.any(clipped[name] != p[name]) for name in spec.nonnegative)
    np.testing.assert_array_equal(run(spec, p, x, h, dt)[0], run(spec, clipped, x, h, dt)[0])


def test_a_weight_clipped_to_zero_can_grow_again() -> None:
    spec = TIMED["explicit"]
    p, (x, h, dt) = parameters(spec), data(spec)
    for value, grows in ((0.0, True), (-0.1, False)):
        at = p | {"gleak": np.full(p["gleak"].shape, value + 1e-30j)}
        assert np.any(run(spec, at, x, h, dt)[0].imag != 0) is np.bool_(grows)


def test_implicit_constraints_read_the_softplus() -> None:
    implicit = LTC(input_size=D, units=AutoNCP(9, 2))
    explicit = LTC(input_size=D, units=AutoNCP(9, 2), **EXPLICIT)
    p, (x, h, dt) = parameters(implicit), data(implicit)
    soft = p | {name: np.log1p(np.exp(p[name])) for name in LTC.nonnegative}
    y, _ = run(implicit, p, x, h, dt)
    np.testing.assert_allclose(run(explicit, soft, x, h, dt)[0], y, **EXACT)


def ltc_slope(p: dict[str, np.ndarray], x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """dv/dt of one row as the literature writes it, synapse by synapse."""
    out = p["gleak"] * (p["vleak"] - v)
    for prefix, sources in (("sensory_", x), ("", v)):
        w, sigma, mu, erev = (p[f"{prefix}{name}"] for name in ("w", "sigma", "mu", "erev"))
        for i, j in itertools.product(range(len(sources)), range(len(v))):
            gate = 1.0 / (1.0 + np.exp(-sigma[i, j] * (sources[i] - mu[i, j])))
            out[j] += w[i, j] * gate * (erev[i, j] - v[j])
    return out / p["cm"]


def ctrnn_slope(p: dict[str, np.ndarray], x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """dh/dt of one row."""
    drive = x @ p["kernel"] + h @ p["recurrent_kernel"] + p["bias"]
    return -h / np.exp(p["log_tau"]) + np.tanh(drive)


def integrated(slope: Callable[..., np.ndarray], p: Any, x: Any, v: Any, dt: float) -> np.ndarray:
    """The solution after dt, by the classical Runge-Kutta method in small steps."""
    for _ in range(400):
        d = dt / 400
        k1 = slope(p, x, v)
        k2 = slope(p, x, v + d / 2 * k1)
        k3 = slope(p, x, v + d / 2 * k2)
        k4 = slope(p, x, v + d * k3)
        v = v + d / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return v


@pytest.mark.parametrize("layer", ["ltc", "ctrnn"])
def test_many_unfolds_come_near_the_solution_of_the_ode(layer: str) -> None:
    x, v, dt = np.array([0.4, -1.1]), np.array([0.3, -0.2, 0.8]), 0.7

    def error(unfolds: int) -> float:
        options = {"input_size": D, "units": 3, "ode_unfolds": unfolds}
        spec = LTCCell(**options, **EXPLICIT) if layer == "ltc" else CTRNNCell(**options)
        p = parameters(spec, 0.1)
        if layer == "ltc":
            p |= {name: np.abs(p[name]) for name in LTC.nonnegative}
            p |= {"input_w": np.ones(D), "input_b": np.zeros(D)}
        slope = ltc_slope if layer == "ltc" else ctrnn_slope
        _, new = run(spec, p, x, v, dt)
        return float(np.abs(new - integrated(slope, p, x, v, dt)).max())

    # a method of first order: ten times the unfolds, a tenth of the error
    assert 7 < error(20) / error(200) < 13


def test_gru_with_the_gate_open_is_the_same_before_and_after() -> None:
    after, before = (GRU(input_size=D, units=4, reset_after=flag) for flag in (True, False))
    p, (x, h, _) = parameters(after), data(after)
    p["new_gate.recurrent_bias"][:] = 0.0
    p["reset_gate.bias"] = np.full(4, 500.0)
    expected, _ = run(before, p, x, h)
    np.testing.assert_allclose(run(after, p, x, h)[0], expected, **EXACT)
    p["reset_gate.bias"] = np.full(4, 0.5)
    assert np.abs(run(after, p, x, h)[0] - run(before, p, x, h)[0]).max() > 1e-3


def test_gru_that_resets_before_the_product_is_cho_s() -> None:
    spec = GRU(input_size=D, units=3, reset_after=False)
    p, (x, (h,), _) = parameters(spec), data(spec)
    gate = {}
    for name in ("reset", "update"):
        z = x[:, 0] @ p[f"{name}_gate.kernel"] + h @ p[f"{name}_gate.recurrent_kernel"]
        gate[name] = 1.0 / (1.0 + np.exp(-(z + p[f"{name}_gate.bias"])))
    candidate = x[:, 0] @ p["new_gate.kernel"] + p["new_gate.bias"]
    candidate = np.tanh(candidate + (gate["reset"] * h) @ p["new_gate.recurrent_kernel"])
    expected = gate["update"] * h + (1.0 - gate["update"]) * candidate
    np.testing.assert_allclose(run(spec, p, x[:, :1], h)[1], expected, **EXACT)


def test_ncp_dense_has_the_sensory_synapses_only() -> None:
    wiring = AutoNCP(9, 2).built(D)
    spec = NCPDense(input_size=D, units=wiring)
    p = parameters(spec)
    jacobian = np.stack([run(spec, p, row) - run(spec, p, np.zeros(D)) for row in np.eye(D)])
    np.testing.assert_array_equal(jacobian != 0, wiring.sensory_adjacency_matrix != 0)
    signed = NCPDense(input_size=D, units=wiring, use_signs=True)
    jacobian = np.stack([run(signed, p, row) - run(signed, p, np.zeros(D)) for row in np.eye(D)])
    np.testing.assert_array_equal(np.sign(jacobian), wiring.sensory_adjacency_matrix)


def dependence(spec: Spec, at: str) -> np.ndarray:
    """Which new states (columns) depend on which input or old state (rows)."""
    p, (x, h, _) = parameters(spec), data(spec)
    row = {"x": x[0].astype(complex), "state": h[0][0].astype(complex)}
    found = []
    for i in range(len(row[at])):
        moved = {k: v.copy() for k, v in row.items()}
        moved[at][i] += 1e-30j
        found.append(run(spec, p, **moved)[1].imag != 0)
    return np.array(found)


@pytest.mark.parametrize("mode", ["default", "pure", "no_gate"])
def test_strict_cfc_depends_on_the_drawn_synapses_alone(mode: str) -> None:
    wiring = NCP(5, 4, 2, 3, 2, 3, 2, seed=3).built(D)
    spec = CfCCell(input_size=D, units=wiring, wiring_mode="strict", mode=mode)
    order = [n for i in range(3) for n in wiring.get_neurons_of_layer(i)]
    adjacency = wiring.adjacency_matrix[np.ix_(order, order)] != 0
    sensory = wiring.sensory_adjacency_matrix[:, order] != 0
    layer = np.repeat([0, 1, 2], [5, 4, 2])
    inside = adjacency & (layer[:, None] == layer)
    onward = adjacency & (layer[:, None] < layer)
    # in one step a signal passes from layer to layer, over as many as there are
    paths = np.linalg.matrix_power(np.eye(11, dtype=int) + onward, 2)
    np.testing.assert_array_equal(dependence(spec, "state"), inside.astype(int) @ paths > 0)
    np.testing.assert_array_equal(dependence(spec, "x"), sensory.astype(int) @ paths > 0)
    loose = CfCCell(input_size=D, units=wiring, mode=mode)
    assert dependence(loose, "state").sum() > dependence(spec, "state").sum()


@pytest.mark.parametrize("name", ["ltc_cell", "wired_ctrnn"])
def test_wired_neurons_depend_on_their_synapses_alone(name: str) -> None:
    options = {"input_size": D, "units": Random(7, 2, 0.7), "ode_unfolds": 1}
    spec = LTCCell(**options) if name == "ltc_cell" else CTRNNCell(**options)
    inner, sensory = spec.masks.inner.copy(), spec.masks.sensory
    np.fill_diagonal(inner, 1)  # a potential decays, it does not vanish
    np.testing.assert_array_equal(dependence(spec, "state"), inner != 0)
    np.testing.assert_array_equal(dependence(spec, "x"), sensory != 0)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_complex_step_is_the_derivative(spec: Spec) -> None:
    p, (x, h, dt) = parameters(spec), data(spec)
    rng = np.random.default_rng(3)
    along = {k: rng.standard_normal(v.shape) for k, v in p.items()}
    dx, dh = rng.standard_normal(x.shape), [rng.standard_normal(s.shape) for s in h]

    def value(step: Any) -> Any:
        moved = {k: v + step * along[k] for k, v in p.items()}
        state = [s + step * d for s, d in zip(h, dh, strict=True)]
        return np.sum(run(spec, moved, x + step * dx, state, dt + step * 0.1)[0])

    difference = (value(1e-6) - value(-1e-6)) / 2e-6
    np.testing.assert_allclose(value(1e-30j).imag / 1e-30, difference, **DERIVATIVE)
