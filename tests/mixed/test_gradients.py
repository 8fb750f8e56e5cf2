"""A mixed module beside the host's own layer: values, and gradients by everything."""

from __future__ import annotations

from typing import Any

import mixed_pairs as pairs
import numpy as np
import pytest

import ncps
from ncps import mixed
from ncps.testing import TOLERANCES

BOUNDS = TOLERANCES["float32"].gradients
INPUTS = {"x": pairs.X, "timespans": pairs.SPANS}
LAYERS: dict[str, dict[str, Any]] = {
    "CfC": {},
    "LTC": {},
    "CTRNN": {"units": 4},
    "GRU": {"units": 4},
    "RNN": {"units": 4, "num_layers": 2, "bidirectional": True},
}


def same(module: Any, own: Any, inputs: dict[str, Any]) -> None:
    got, expected = pairs.gradients(module, inputs), pairs.gradients(own, inputs)
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, **BOUNDS, err_msg=name)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_the_layer_in_the_host(host: str, guest: str, name: str) -> None:
    layer = pairs.layer(guest, name, **LAYERS[name])
    state = np.random.default_rng(2).standard_normal((2, *layer.spec.state_shapes()[0][1]))
    inputs: dict[str, Any] = INPUTS | {"mask": pairs.MASK}
    if len(layer.spec.state_shapes()) == 1:
        inputs["state"] = state.astype(np.float32)
    same(mixed.wrap(layer, host), ncps.convert(layer, framework=host), inputs)


def test_gradients_of_two_states_are_those_of_the_layer_in_the_host(host: str, guest: str) -> None:
    layer = pairs.layer(guest, "LSTM", units=4)
    same(mixed.wrap(layer, host), ncps.convert(layer, framework=host), INPUTS)


def test_gradients_of_a_feed_forward_layer_are_those_in_the_host(host: str, guest: str) -> None:
    layer = pairs.layer(guest, "Dense", units=4)
    same(mixed.wrap(layer, host), ncps.convert(layer, framework=host), {"x": pairs.X})


def test_cell_is_called_step_by_step(host: str, guest: str) -> None:
    layer = pairs.layer(guest, "GRUCell", units=4)
    same(mixed.wrap(layer, host), ncps.convert(layer, framework=host), {"x": pairs.X[:, 0]})
