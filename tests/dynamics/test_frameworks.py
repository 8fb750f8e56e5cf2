"""The parts of liquid models on the arrays of every framework that is installed here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ncps
from ncps.conversion.tolerances import TOLERANCES
from ncps.dynamics import functions_of
from ncps.errors import ShapeError
from ncps.liquid import (
    BackboneNetwork,
    LiquidCell,
    LiquidCompute,
    LiquidLayer,
    StateManager,
    TimeManager,
    solve_ode,
)
from ncps.ode import METHODS

NEAR = TOLERANCES["float32"].values
Y = np.array([[1.0, -2.0, 0.5], [0.3, 0.0, 4.0]], dtype=np.float32)
SPANS = np.array([0.8, 0.25], dtype=np.float32)
LIBRARIES = {
    "torch": ("torch", "tensor"),
    "mlx": ("mlx.core", "array"),
    "jax": ("jax.numpy", "asarray"),
    "tensorflow": ("tensorflow", "convert_to_tensor"),
}
LAYERED = ["torch", "mlx"]


@pytest.fixture(params=LIBRARIES)
def array(request: pytest.FixtureRequest) -> Any:
    """Makes an array of the framework from a NumPy one."""
    return _maker(request.param)


def _maker(framework: str) -> Any:
    module, name = LIBRARIES[framework]
    return getattr(pytest.importorskip(module, exc_type=ImportError), name)


@pytest.mark.parametrize("method", METHODS)
def test_an_equation_is_solved_for_every_row_s_own_time(array: Any, method: str) -> None:
    def equation(t: Any, y: Any) -> Any:
        return 1.5 + 0.0 * y, 0.5 + 0.0 * y

    steps = 1 if method == "dopri5" else 200
    got = solve_ode(equation, array(Y), array(SPANS), method=method, steps=steps)
    assert type(got) is type(array(Y))
    expected = 3.0 + (Y - 3.0) * np.exp(-0.5 * SPANS[:, None])
    rough = {"rtol": 5e-3, "atol": 1e-3} if method in ("euler", "semi_implicit") else NEAR
    np.testing.assert_allclose(np.asarray(got), expected, **rough)
    still = solve_ode(equation, array(Y), 0.0, method=method)
    np.testing.assert_array_equal(np.asarray(still), Y)


def test_times_of_another_framework_are_refused(array: Any) -> None:
    with pytest.raises(ShapeError, match=r"like the state, got one of numpy\. Convert"):
        solve_ode(lambda t, y: -y, array(Y), SPANS)


def test_times_become_spans_and_stamps(array: Any) -> None:
    time, spans = TimeManager(unit=2.0), np.array([[0.0, 1.5], [0.0, 0.25]], dtype=np.float32)
    stamps = time.timestamps(array(spans), start=3.0)
    np.testing.assert_array_equal(np.asarray(time.timespans(stamps)), spans)
    np.testing.assert_array_equal(np.asarray(time.normalise(array(spans))), spans / 2)
    full = time.validated(array(spans[0]), 3, 2)
    np.testing.assert_array_equal(np.asarray(full), np.stack([spans[0]] * 3))
    assert type(full) is type(array(spans))
    with pytest.raises(ShapeError, match="Sort the series by time"):
        time.timespans(array(spans[0][::-1].copy()))


def test_single_steps_are_those_of_numpy(array: Any) -> None:
    rng = np.random.default_rng(2)
    heads = [rng.normal(size=(2, 3)).astype(np.float32) for _ in range(4)]
    table = [rng.uniform(0.5, 2, size=(3, 4)).astype(np.float32) for _ in range(4)]
    dt, tau = SPANS[:, None], np.array([0.5, 1.0, 4.0], dtype=np.float32)
    steps = {
        LiquidCompute.cfc: (*heads, dt),
        LiquidCompute.ltc: (Y, heads[0], np.exp(heads[1]), tau, dt),
        LiquidCompute.ctrnn: (Y, heads[0], tau, dt),
        LiquidCompute.decay: (Y, tau, dt),
    }
    for step, arguments in steps.items():
        got = step(*(array(a) for a in arguments))
        np.testing.assert_allclose(np.asarray(got), step(*arguments), **NEAR)
    got = LiquidCompute.synapses(array(Y), *(array(a) for a in table))
    for a, b in zip(got, LiquidCompute.synapses(Y, *table), strict=True):
        np.testing.assert_allclose(np.asarray(a), b, **NEAR)


def test_detached_arrays_keep_their_values(array: Any) -> None:
    np.testing.assert_array_equal(np.asarray(functions_of(array(Y)).detach(array(Y))), Y)


@pytest.mark.parametrize("framework", LAYERED)
def test_cells_layers_and_backbones_are_native_and_mean_the_same(framework: str) -> None:
    array = _maker(framework)
    x = np.random.default_rng(3).normal(size=(2, 5, 3)).astype(np.float32)
    for kind in ("CfC", "ELTC", "CTGRU"):
        options = {"input_size": 3, "units": 4, "seed": 1}
        cell = LiquidCell(kind, technology=framework, **options)
        layer, judge = LiquidLayer(cell), LiquidLayer(kind, technology="numpy", **options)
        assert layer.framework == framework
        y, _ = layer(array(x))
        np.testing.assert_allclose(functions_of(y).detach(y), judge(x)[0], **NEAR)
    network = BackboneNetwork(3, 4, layers=2, seed=7, technology=framework)
    assert type(network).__name__ == "Sequential"
    y = network(array(x))
    expected = BackboneNetwork(3, 4, layers=2, seed=7, technology="numpy")(x)
    np.testing.assert_allclose(functions_of(y).detach(y), expected, **NEAR)


@pytest.mark.parametrize("framework", LAYERED)
def test_stream_goes_on_and_rows_begin_again(framework: str) -> None:
    array = _maker(framework)
    x = array(np.random.default_rng(3).normal(size=(3, 6, 2)).astype(np.float32))
    manager = StateManager(
        ncps.create("LTC", technology=framework, input_size=2, units=4, mixed_memory=True, seed=0)
    )
    first, second = manager(x[:, :4]), manager(x[:, 4:])
    whole, _ = manager.layer(x)
    joined = functions_of(whole).concatenate([first, second], 1)
    detach = functions_of(whole).detach
    np.testing.assert_allclose(detach(joined), detach(whole), **NEAR)
    manager.detach()
    manager.reset(rows=[1])
    again = manager(x[:, :4])
    np.testing.assert_allclose(detach(again)[1], detach(first)[1], **NEAR)
    assert not np.allclose(detach(again)[0], detach(first)[0], **NEAR)


def test_detach_cuts_the_gradient_between_calls() -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    manager = StateManager(LiquidLayer("CfC", technology="torch", input_size=2, units=4))
    x = torch.ones(1, 3, 2, requires_grad=True)
    manager(x)
    assert manager.state().requires_grad
    manager.detach()
    assert not manager.state().requires_grad


def test_torch_solves_by_torchdiffeq_with_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    library = pytest.importorskip("torchdiffeq")
    solve, calls = library.odeint, []
    monkeypatch.setattr(library, "odeint", lambda *a, **k: calls.append(k) or solve(*a, **k))
    rate = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    y = solve_ode(lambda t, y: -rate * y, torch.ones(1, dtype=torch.float64), 2.0, method="dopri5")
    assert [call["method"] for call in calls] == ["dopri5"]
    y.sum().backward()
    np.testing.assert_allclose(rate.grad, -2.0 * np.exp(-1.0), **NEAR)
