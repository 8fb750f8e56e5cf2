"""The reference's call: shapes, time, masks, state, and derivatives by complex step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ncps.errors import ShapeError
from ncps.reference import run
from ncps.reference._functions import ACTIVATIONS, absolute, erf, sigmoid
from ncps.specs import LSTM, CfC, Dense, Spec
from ncps.wirings import AutoNCP

B, T, D = 3, 5, 2
SPECS = {
    "lstm": LSTM(input_size=D, units=4),
    "cfc": CfC(input_size=D, units=4, backbone_units=6),
    "pure": CfC(input_size=D, units=4, backbone_units=6, mode="pure"),
    "wired": CfC(input_size=D, units=AutoNCP(9, 2), mixed_memory=True, proj_size=3),
}


def arrays(spec: Spec) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return spec.initial_parameters(0), rng.standard_normal((B, T, D)), rng.random((B, T)) * 3


def states(state: Any) -> tuple[np.ndarray, ...]:
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_split_sequence_gives_the_same_result(spec: Spec) -> None:
    p, x, dt = arrays(spec)
    y, last = run(spec, p, x, timespans=dt)
    y1, middle = run(spec, p, x[:, :2], timespans=dt[:, :2])
    y2, end = run(spec, p, x[:, 2:], middle, dt[:, 2:])
    np.testing.assert_array_equal(np.concatenate([y1, y2], axis=1), y)
    for a, b in zip(states(end), states(last), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_masked_steps_change_nothing_and_repeat_the_output(spec: Spec) -> None:
    p, x, dt = arrays(spec)
    mask = np.ones((B, T), dtype=bool)
    mask[:, 2] = False
    y, last = run(spec, p, x, timespans=dt, mask=mask)
    keep = [0, 1, 3, 4]
    y_kept, last_kept = run(spec, p, x[:, keep], timespans=dt[:, keep])
    np.testing.assert_array_equal(y[:, keep], y_kept)
    np.testing.assert_array_equal(y[:, 2], y[:, 1])
    for a, b in zip(states(last), states(last_kept), strict=True):
        np.testing.assert_array_equal(a, b)


def test_timestamps_are_the_running_sum_of_timespans() -> None:
    spec = SPECS["cfc"]
    p, x, dt = arrays(spec)
    dt[:, 0] = 0.0
    y, _ = run(spec, p, x, timestamps=np.cumsum(dt, axis=1) + 100.0)
    np.testing.assert_allclose(y, run(spec, p, x, timespans=dt)[0], rtol=1e-9)


def test_unbatched_input_is_a_batch_of_one() -> None:
    spec = SPECS["wired"]
    p, x, dt = arrays(spec)
    y, state = run(spec, p, x[0], timespans=dt[0])
    y_batch, state_batch = run(spec, p, x[:1], timespans=dt[:1])
    np.testing.assert_array_equal(y, y_batch[0])
    assert [s.shape for s in state] == [(9,), (9,)]
    np.testing.assert_array_equal(state[0], state_batch[0][0])


def test_empty_sequence_keeps_the_state() -> None:
    spec = SPECS["cfc"]
    p, x, _ = arrays(spec)
    h = np.ones((B, 4))
    y, state = run(spec, p, x[:, :0], h)
    assert y.shape == (B, 0, 4)
    np.testing.assert_array_equal(state, h)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timespans": np.ones(4)}, r"CfC expected timespans \(3, 5\), got \(4,\)"),
        ({"timespans": -np.ones(5)}, r"every elapsed time >= 0 and finite in float64, got -1"),
        ({"timespans": np.full(5, np.nan)}, r"finite in float64, got nan. Leave out steps"),
        ({"timespans": np.inf}, r"finite in float64, got inf"),
        ({"timestamps": np.arange(5.0)[::-1]}, r"expected timestamps .* got -1. Sort"),
        ({"timestamps": 3.0}, r"expected timestamps \(3, 5\), got a scalar"),
        ({"timestamps": np.ones(5), "timespans": 1.0}, r"timespans or timestamps, got both"),
        ({"mask": np.ones(5, bool)}, r"CfC expected mask \(3, 5\), got \(5,\)"),
        ({"state": np.ones((3, 3))}, r"expected state h \(3, 4\), got \(3, 3\)"),
        ({"state": (np.ones((3, 4)),) * 2}, r"expected state h \(3, 4\), got \(3, 4\), \(3, 4\)"),
    ],
)
def test_misfitting_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    spec = SPECS["cfc"]
    p, x, _ = arrays(spec)
    with pytest.raises(ShapeError, match=message):
        run(spec, p, x, **arguments)


def test_timestamps_of_one_step_are_refused() -> None:
    spec = SPECS["cfc"]
    p, x, _ = arrays(spec)
    with pytest.raises(ShapeError, match="timestamps of two steps or more, got 1"):
        run(spec, p, x[:, :1], timestamps=np.ones((B, 1)))


def test_dense_is_an_affine_map() -> None:
    spec = Dense(input_size=2, units=3, activation="relu")
    p = {"kernel": np.array([[1.0, 2.0, -1.0], [0.0, 1.0, 1.0]]), "bias": np.array([1.0, 0, 0])}
    np.testing.assert_array_equal(run(spec, p, [2.0, 1.0]), [3.0, 5.0, 0.0])


@pytest.mark.parametrize("f", [*ACTIVATIONS.values(), absolute, erf, sigmoid])
def test_complex_step_gives_the_derivative(f: Any) -> None:
    x = np.array([-30.0, -2.0, -0.3, 0.4, 1.7, 30.0])
    h = 1e-6
    difference = (f(x + h) - f(x - h)) / (2 * h)
    np.testing.assert_allclose(f(x + 1e-30j).imag / 1e-30, difference, atol=1e-8)
