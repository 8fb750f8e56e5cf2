"""The technology `keras`: Keras' own layers behind the contract."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import ncps
from ncps import canonical, specs
from ncps.testing import TOLERANCES
from ncps_keras import layers, ops
from ncps_keras.layers import stock

INNER = {
    "GRU": keras.layers.GRU,
    "GRUCell": keras.layers.GRUCell,
    "LSTM": keras.layers.LSTM,
    "LSTMCell": keras.layers.LSTMCell,
    "RNN": keras.layers.SimpleRNN,
    "RNNCell": keras.layers.SimpleRNNCell,
}
VALUES = TOLERANCES["float32"].values


@pytest.mark.parametrize("name", INNER)
def test_technologies_give_our_layers_and_the_stock_ones(name):
    options = {"input_size": 3, "units": 2}
    ours = ncps.create(name, technology="ncps", framework="keras", **options)
    stocks = ncps.create(name, technology="keras.layers", **options)
    assert type(ours) is getattr(layers, name)
    assert type(stocks) is getattr(stock, name)
    assert type(stocks.inner) is INNER[name]


def test_stock_rnn_has_the_activation_of_its_spec():
    layer = stock.RNN(specs.RNN(input_size=3, units=2, activation="relu"))
    assert layer.inner.activation is keras.activations.relu


@pytest.mark.parametrize("reset_after", [True, False])
def test_all_biases_of_a_trained_stock_gru_reach_our_layer(reset_after):
    spec = specs.GRU(
        input_size=3, units=4, num_layers=2, bidirectional=True, reset_after=reset_after
    )
    theirs = stock.GRU(spec, seed=0)
    rng = np.random.default_rng(2)
    for variable in theirs.weights:
        variable.assign(rng.uniform(-1, 1, tuple(variable.shape)).astype(np.float32))
    ours = layers.GRU(spec, seed=1)
    canonical.load_parameters(ours, canonical.parameters(theirs))
    x = np.linspace(-1, 1, 30, dtype=np.float32).reshape(2, 5, 3)
    wanted, got = (ops.to_numpy(layer(x)[0]) for layer in (theirs, ours))
    np.testing.assert_allclose(got, wanted, **VALUES)


# Keras asks torch's tensors for arrays in a way that NumPy 2 warns of
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_stock_layer_trains_and_comes_back_from_a_file_of_keras(tmp_path):
    spec = specs.LSTM(input_size=3, units=4, return_sequences=False, return_state=False)
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, keras.layers.Dense(1)(stock.LSTM(spec, seed=0)(inputs)))
    assert len(model.trainable_variables) == 5
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).standard_normal((8, 5, 3)).astype(np.float32)
    before = [ops.to_numpy(v) for v in model.trainable_variables]
    model.fit(x, x[:, 0, :1], verbose=0)
    after = [ops.to_numpy(v) for v in model.trainable_variables]
    assert all(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert type(again.layers[1]) is stock.LSTM
    np.testing.assert_allclose(ops.to_numpy(again(x)), ops.to_numpy(model(x)), **VALUES)


def test_making_a_stock_layer_keeps_the_initializers_of_keras():
    made = stock.GRU(specs.GRU(input_size=3, units=4), seed=0).inner.get_config()
    usual = keras.layers.GRU(4).get_config()
    for name in ("kernel_initializer", "recurrent_initializer", "bias_initializer"):
        assert made[name] == usual[name]


def test_parameter_map_refuses_the_spec_of_another_layer():
    with pytest.raises(TypeError, match="expected the spec of a GRU, got CfC"):
        stock.GRU.parameter_map(specs.CfC(input_size=3, units=4))
