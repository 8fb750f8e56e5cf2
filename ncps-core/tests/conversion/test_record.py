"""Recording a layer: what a call gives, at every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ncps
from ncps.errors import ParameterError, ShapeError
from ncps.testing import TOLERANCES

BOUNDS = TOLERANCES["float64"].values
X = np.random.default_rng(0).standard_normal((2, 6, 3))
DT = np.random.default_rng(1).uniform(0.1, 2.0, (2, 6))
MASK = np.array([[True, False, True, True, False, True], [False, True, True, False, True, False]])


def layer(name: str = "CfC", **options: Any) -> Any:
    return ncps.create(name, technology="numpy", input_size=3, seed=0, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("CfC", {"units": 5, "mixed_memory": True}),
        ("LSTM", {"units": 4, "return_state": False}),
        ("GRU", {"units": 4, "num_layers": 3}),
        ("LTC", {"units": 4, "bidirectional": True}),
        ("CTRNN", {"units": 4, "bidirectional": True, "num_layers": 2}),
    ],
)
@pytest.mark.parametrize("call", [{}, {"timespans": DT}, {"timespans": DT, "mask": MASK}])
def test_recorded_outputs_are_those_of_a_call(
    name: str, options: dict[str, Any], call: dict[str, Any]
) -> None:
    one = layer(name, **options)
    result = one(X, **call)
    y = result[0] if one.spec.return_state else result
    np.testing.assert_allclose(ncps.record(one, X, **call)["y"], y, **BOUNDS)


def test_last_recorded_states_are_those_of_a_call() -> None:
    one = layer("LSTM", units=4, bidirectional=True, num_layers=2)
    _, state = one(X, timespans=DT, mask=MASK)
    recorded = ncps.record(one, X, timespans=DT, mask=MASK)
    names = [name for name, _ in one.spec.state_shapes()]
    assert list(recorded) == ["y", *names]
    for name, expected in zip(names, state, strict=True):
        last = recorded[name][:, 0] if ".reverse." in name else recorded[name][:, -1]
        np.testing.assert_allclose(last, expected, **BOUNDS)


def test_each_recorded_state_is_the_state_of_the_shorter_sequence() -> None:
    one = layer(units=5, mixed_memory=True)
    recorded = ncps.record(one, X, timespans=DT)
    for t in range(1, X.shape[1]):
        _, (h, c) = one(X[:, :t], timespans=DT[:, :t])
        np.testing.assert_allclose(recorded["h"][:, t - 1], h, **BOUNDS)
        np.testing.assert_allclose(recorded["c"][:, t - 1], c, **BOUNDS)


def test_recording_starts_from_the_given_state() -> None:
    one = layer("GRU", units=4)
    first = ncps.record(one, X[:, :3])
    rest = ncps.record(one, X[:, 3:], first["h"][:, -1])
    np.testing.assert_allclose(rest["h"], ncps.record(one, X)["h"][:, 3:], **BOUNDS)


def test_timestamps_count_as_in_a_call() -> None:
    one = layer("CTRNN", units=4)
    times = np.cumsum(DT, axis=1)
    y, _ = one(X, timestamps=times)
    np.testing.assert_allclose(ncps.record(one, X, timestamps=times)["y"], y, **BOUNDS)


def test_axes_follow_the_input() -> None:
    sequence, cell = layer("GRU", units=4, return_sequences=False), layer("GRUCell", units=4)
    shapes = {name: a.shape for name, a in ncps.record(sequence, X[0]).items()}
    assert shapes == {"y": (6, 4), "h": (6, 4)}
    assert ncps.record(cell, X[:, 0])["h"].shape == (2, 4)
    assert ncps.record(cell, X[0, 0])["h"].shape == (4,)
    assert ncps.record(sequence, X[:, :0])["y"].shape == (2, 0, 4)
    assert list(ncps.record(layer("Dense", units=2), X)) == ["y"]


def test_wrong_arguments_raise_as_in_a_call() -> None:
    with pytest.raises(ShapeError, match="GRU expected 3 input features"):
        ncps.record(layer("GRU", units=4), X[..., :2])
    with pytest.raises(ShapeError, match=r"GRU expected mask \(2, 6\)"):
        ncps.record(layer("GRU", units=4), X, mask=MASK[:, :2])
    with pytest.raises(ShapeError, match="every elapsed time >= 0"):
        ncps.record(layer("GRU", units=4), X, timespans=-DT)
    with pytest.raises(ParameterError, match="expected a layer made by ncps, got int"):
        ncps.record(3, X)  # type: ignore[arg-type]
