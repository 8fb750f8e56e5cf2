"""Sequences over cells of someone else's, and over cells that ncps knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops as kops

import ncps
from ncps.errors import ConversionError, ShapeError, SpecError
from ncps.layers import RecurrentOver
from ncps.testing import TOLERANCES
from ncps_keras.ops import to_numpy

BOUNDS = TOLERANCES["float32"].values
EXACT = {"rtol": 0.0, "atol": 0.0}
MASK = np.array([[1, 1, 0, 1, 0, 1], [1, 0, 1, 1, 1, 0]], bool)


@keras.saving.register_keras_serializable(package="tests")
class Elman(keras.layers.Layer):
    """h' = tanh(W x + R h), written by a user."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.drive = keras.layers.Dense(units)
        self.recurrent = keras.layers.Dense(units, use_bias=False)

    def build(self, input_shape):
        self.drive.build(input_shape)
        self.recurrent.build((None, self.units))

    def call(self, x, state=None):
        drive = self.drive(x)
        state = kops.zeros_like(drive) if state is None else state
        h = kops.tanh(drive + self.recurrent(state))
        return h, h

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Leaky(keras.layers.Layer):
    """v' = x + (v - x) e^(-Δt): what it gives depends on time; its state is (v, count)."""

    def call(self, x, state=None, timespans=None):
        v, n = (kops.zeros_like(x), kops.zeros_like(x[:, :1])) if state is None else state
        v = x + (v - x) * kops.exp(-timespans)
        return 2 * v, (v, n + 1)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def arrays(*tensors: Any) -> list[np.ndarray]:
    return [to_numpy(t) for t in tensors]


@pytest.mark.parametrize("options", [{}, {"return_sequences": False}])
@pytest.mark.parametrize("masked", [False, True])
def test_cell_of_a_user_runs_as_the_layer_of_its_equation(masked: bool, options: Any) -> None:
    x, state, mask = noise(2, 6, 3), noise(2, 4), MASK if masked else None
    cell = Elman(4)
    layer = RecurrentOver(cell, **options)
    given = np.where(mask[..., None], x, np.nan) if masked else x
    y, h = arrays(*layer(given, state, mask=mask))
    same = ncps.create("RNN", units=4, input_size=3, technology="numpy", **options)
    values = arrays(cell.drive.kernel, cell.recurrent.kernel, cell.drive.bias)
    names = ("kernel", "recurrent_kernel", "bias")
    ncps.load_parameters(same, dict(zip(names, values, strict=True)))
    expected, last = same(x, state, mask=mask)
    np.testing.assert_allclose(y, expected, **BOUNDS)
    np.testing.assert_allclose(h, last, **BOUNDS)


def test_cell_that_names_timespans_gets_them_and_they_default_to_one() -> None:
    x, dt = noise(2, 5, 3), np.abs(noise(2, 5))
    layer = RecurrentOver(Leaky())
    y, (v, n) = layer(x, timespans=dt)
    expected = np.zeros((2, 3), np.float32)
    for t in range(5):
        expected = x[:, t] + (expected - x[:, t]) * np.exp(-dt[:, t, None])
        np.testing.assert_allclose(to_numpy(y)[:, t], 2 * expected, **BOUNDS)
    np.testing.assert_allclose(to_numpy(v), expected, **BOUNDS)
    assert to_numpy(n).ravel().tolist() == [5.0, 5.0]
    one, default = arrays(layer(x, timespans=1.0)[0], layer(x)[0])
    np.testing.assert_allclose(default, one, **BOUNDS)
    with pytest.raises(ShapeError, match="every elapsed time >= 0"):
        layer(x, timespans=-1.0)


def test_state_of_several_tensors_is_kept_in_masked_steps_and_carried() -> None:
    x, dt = noise(2, 6, 3), np.abs(noise(2, 6))
    layer = RecurrentOver(Leaky())
    y, (v, n) = layer(x, timespans=dt, mask=MASK)
    assert to_numpy(n).ravel().tolist() == [4.0, 4.0]
    one, state = layer(x[:, :3], timespans=dt[:, :3], mask=MASK[:, :3])
    two, (w, _) = layer(x[:, 3:], state, timespans=dt[:, 3:], mask=MASK[:, 3:])
    np.testing.assert_allclose(np.concatenate(arrays(one, two), 1), to_numpy(y), **BOUNDS)
    np.testing.assert_allclose(*arrays(w, v), **BOUNDS)


def test_unbatched_sequence_is_a_batch_of_one() -> None:
    x = noise(5, 3)
    layer = RecurrentOver(Leaky())
    y, (v, n) = layer(x, (np.ones(3, np.float32), np.zeros(1, np.float32)))
    batch, (w, _) = layer(x[None], (np.ones((1, 3), np.float32), np.zeros((1, 1), np.float32)))
    np.testing.assert_allclose(to_numpy(y), to_numpy(batch)[0], **EXACT)
    np.testing.assert_allclose(to_numpy(v), to_numpy(w)[0], **EXACT)
    assert to_numpy(n).tolist() == [5.0]


def test_second_cell_runs_backwards() -> None:
    x = noise(2, 6, 3)
    other = Elman(4)
    y, (_, back) = RecurrentOver(Elman(4), reverse_cell=other)(x, mask=MASK)
    expected, last = RecurrentOver(other)(x[:, ::-1], mask=MASK[:, ::-1])
    assert tuple(y.shape) == (2, 6, 8)
    np.testing.assert_allclose(to_numpy(y)[..., 4:], to_numpy(expected)[:, ::-1], **BOUNDS)
    np.testing.assert_allclose(*arrays(back, last), **BOUNDS)


def test_model_around_a_cell_trains_and_comes_back_from_its_file(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    layer = RecurrentOver(Elman(4), return_sequences=False, return_state=False)
    model = keras.Sequential([keras.Input((6, 3)), layer, keras.layers.Dense(1)])
    x = noise(32, 6, 3)
    model.compile(keras.optimizers.Adam(0.03), "mse")
    losses = model.fit(x, x[:, -1, :1], epochs=15, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 3
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(*arrays(again(x), model(x)), **EXACT)


@pytest.mark.parametrize("layer", ["CfCCell", "LSTMCell"])
def test_cell_of_ncps_becomes_its_own_sequence(layer: str) -> None:
    cell = ncps.create(layer, units=4, input_size=3, technology="ncps", framework="keras", seed=1)
    sequence = RecurrentOver(cell, return_sequences=False)
    assert sequence.spec.layer == layer.removesuffix("Cell")
    x, state = noise(2, 3, 3), None
    for t in range(3):
        y, state = cell(x[:, t], state, timespans=0.5)
    np.testing.assert_allclose(*arrays(sequence(x, timespans=0.5)[0], y), **BOUNDS)


def test_cell_of_keras_becomes_its_own_sequence() -> None:
    cell = keras.layers.GRUCell(4)
    cell.build((None, 3))
    assert RecurrentOver(cell).spec.layer == "GRU"


def test_what_is_no_cell_is_told() -> None:
    class Single(keras.layers.Layer):
        def call(self, x, state=None):
            return x

    with pytest.raises(SpecError, match=r"to return \(y, state\)"):
        RecurrentOver(Single())(np.zeros((1, 2, 3), np.float32))
    with pytest.raises(ShapeError, match="one step or more, got none"):
        RecurrentOver(Elman(4))(np.zeros((1, 0, 3), np.float32))


def test_conversion_says_that_the_cell_is_code() -> None:
    layer = RecurrentOver(Elman(4))
    layer(noise(1, 2, 3))
    with pytest.raises(ConversionError, match="whose code ncps cannot"):
        ncps.convert(layer, "numpy")
