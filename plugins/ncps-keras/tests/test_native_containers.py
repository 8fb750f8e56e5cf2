"""Keras' layers without parameters of their own: functions, chains and models that hold layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from ncps import canonical, specs
from ncps.errors import ConversionError, UnknownNameError
from ncps.reference import run
from ncps.testing import TOLERANCES
from ncps_keras import _plugin, ops
from ncps_keras.natives import KerasNatives

NATIVES = KerasNatives()
L = keras.layers
NAMES = ("gelu", "identity", "relu", "sigmoid", "silu", "tanh")
D, H = 3, 5


@pytest.mark.parametrize("name", NAMES)
def test_functions_have_names_and_come_from_them(name):
    made = NATIVES.make_function(name)
    assert NATIVES.function(made) == name
    x = np.linspace(-2, 2, 9, dtype=np.float32)
    phi = None if name == "identity" else name
    spec = specs.Dense(input_size=9, units=9, activation=phi, use_bias=False)
    wanted = run(spec, {"kernel": np.eye(9)}, x.astype(np.float64))
    np.testing.assert_allclose(ops.to_numpy(made(x)), wanted, **TOLERANCES["float32"].values)


def test_layers_that_apply_the_same_function_have_its_name():
    same = {L.ReLU(): "relu", L.Activation("linear"): "identity", L.Dropout(0.0): "identity"}
    for layer, name in same.items():
        assert NATIVES.function(layer) == name


def test_layers_that_apply_another_function_have_no_name():
    others = [L.ReLU(max_value=6), L.ReLU(negative_slope=0.1), L.Dropout(0.5), L.Softmax()]
    others += [L.Activation("softmax"), L.Dense(H), keras.activations.tanh]
    assert [NATIVES.function(layer) for layer in others] == [None] * len(others)
    patched = L.ReLU()
    patched.call = lambda x: 2 * x
    assert NATIVES.function(patched) is None
    with pytest.raises(UnknownNameError, match="Did you mean 'relu'"):
        NATIVES.make_function("rellu")


def functional(*layers: Any) -> keras.Model:
    inputs = x = keras.Input((None, D))
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize("make", [lambda *layers: keras.Sequential(layers), functional])
def test_chain_is_taken_apart_and_put_together(make):
    layers = [L.Dense(H), L.ReLU(), L.LSTM(2)]
    model = make(*layers)
    assert NATIVES.kind(model) == "sequential"
    children = NATIVES.children(model)
    assert children == dict(zip("012", layers, strict=True))
    again = NATIVES.assemble("sequential", children)
    assert again.layers == layers
    x = np.ones((2, 4, D), np.float32)
    np.testing.assert_array_equal(ops.to_numpy(again(x)), ops.to_numpy(model(x)))


def test_functional_model_inside_a_chain_is_a_chain_of_its_own():
    inner = functional(L.Dense(H), L.ReLU())
    model = functional(inner, L.Dense(2))
    children = NATIVES.children(model)
    assert children["0"] is inner
    assert NATIVES.kind(inner) == "sequential"


def branched() -> keras.Model:
    inputs = keras.Input((D,))
    return keras.Model(
        inputs, L.Add()([L.Dense(H, name="a")(inputs), L.Dense(H, name="b")(inputs)])
    )


def repeated() -> keras.Model:
    inputs, layer = keras.Input((D,)), L.Dense(D, name="same")
    return keras.Model(inputs, layer(layer(inputs)))


def with_options() -> keras.Model:
    inputs = keras.Input((None, D))
    return keras.Model(inputs, L.LSTM(H, name="rnn")(inputs, initial_state=None, training=True))


def with_operation() -> keras.Model:
    inputs = keras.Input((D,))
    return keras.Model(inputs, keras.ops.exp(L.Dense(H, name="a")(inputs)))


def inner_output() -> keras.Model:
    inputs = keras.Input((D,))
    between = L.Dense(H, name="a")(inputs)
    return keras.Model(inputs, [between, L.Dense(H, name="b")(between)])


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (branched, {"a", "b"}),
        (repeated, {"same"}),
        (with_options, {"rnn"}),
        (with_operation, {"a"}),
        (inner_output, {"a", "b"}),
    ],
)
def test_other_graphs_are_no_chains_and_name_their_layers(make, names):
    model = make()
    assert NATIVES.kind(model) is None
    assert names <= NATIVES.children(model).keys()


class Mine(keras.Model):
    """Layers under attributes, public or not, in lists and dicts, and under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = L.GRU(H)
        self._heads = [L.Dense(2), L.Dense(1)]
        self.by_name = {"act": L.ReLU(), "more": [L.Dense(4)]}
        self.again = self.rnn

    def call(self, x: Any) -> Any:
        h = self.by_name["act"](self.rnn(x))
        y = keras.ops.concatenate([head(h) for head in self._heads], axis=-1)
        return self.by_name["more"][0](y)


def test_model_of_the_user_names_its_layers_by_its_attributes():
    model = Mine()
    model(np.ones((2, 4, D), np.float32))
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((2, 4, D), np.float32), np.ones((2, 4), np.float32), verbose=0)
    names = {"rnn", "again", "_heads.0", "_heads.1", "by_name.act", "by_name.more.0"}
    assert set(NATIVES.children(model)) == names
    assert NATIVES.children(model)["again"] is model.rnn
    assert NATIVES.kind(model) is None
    assert NATIVES.own(model) == []
    found = canonical.leaves(model)
    assert set(found) == names - {"by_name.act"}


def test_layers_without_an_attribute_are_not_forgotten():
    class Graph(keras.Model):
        pass

    inputs = keras.Input((D,))
    model = Graph(inputs, L.Dense(H, name="hidden")(inputs))
    model.head = L.Dense(2)
    assert set(NATIVES.children(model)) == {"hidden", "head"}

    class Chain(keras.Sequential):
        pass

    chain = Chain([keras.Input((D,)), L.Dense(H, name="first")])
    assert NATIVES.kind(chain) is None
    assert set(NATIVES.children(chain)) == {"first"}


def test_variables_that_no_layer_holds_are_named():
    norm = L.BatchNormalization()
    norm.build((None, D))
    assert NATIVES.own(norm) == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert NATIVES.own(L.Dropout(0.5)) == []
    with pytest.raises(ConversionError, match=r"at '1': .* PReLU with alpha"):
        canonical.leaves(functional(L.Dense(H), L.PReLU(shared_axes=[1])))


def test_list_and_dict_stay_plain():
    parts = {"a": L.Dense(H), "b": L.ReLU()}
    assert NATIVES.assemble("dict", parts) == parts
    assert NATIVES.assemble("list", parts) == list(parts.values())


def test_hook_speaks_for_keras_alone():
    natives = _plugin.ncps_natives("keras")
    assert isinstance(natives, KerasNatives)
    assert natives.framework == "keras"
    assert natives.is_module(keras.Sequential())
    assert not natives.is_module(keras.Sequential)
    assert _plugin.ncps_natives("torch") is None
