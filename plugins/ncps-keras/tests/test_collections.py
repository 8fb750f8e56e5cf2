"""ModuleList and ModuleDict on Keras: members, training, files of Keras, conversion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import ncps
from ncps.errors import SpecError
from ncps.testing import TOLERANCES
from ncps_keras import ops

BOUNDS = TOLERANCES["float32"].values
DENSE = ("Dense", {"input_size": 3, "units": 4, "activation": "tanh"})
LSTM = ("LSTM", {"input_size": 4, "units": 5, "return_state": False})
OUT = ("Dense", {"input_size": 5, "units": 1})
NAMES = ("encoder", "layers", "a/b é")
MEMBERS = dict(zip(NAMES, (DENSE, LSTM, OUT), strict=True))
X = np.random.default_rng(0).normal(size=(8, 6, 3)).astype(np.float32)


def made(layer: str, layers: Any, **options: Any) -> Any:
    options = {"seed": 1, **options}
    return ncps.create(layer, technology="ncps", framework="keras", layers=layers, **options)


def run(parts: Any, x: Any) -> Any:
    return parts["a/b é"](parts["layers"](parts["encoder"](x)))


@keras.saving.register_keras_serializable(package="test_collections")
class Net(keras.Model):
    """A model of someone's own that picks its layers by name."""

    def __init__(self, parts: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.parts = made("ModuleDict", MEMBERS) if parts is None else parts

    def call(self, x: Any) -> Any:
        return run(self.parts, x)

    def get_config(self) -> dict[str, Any]:
        parts = keras.saving.serialize_keras_object(self.parts)
        return {**super().get_config(), "parts": parts}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Net:
        parts = keras.saving.deserialize_keras_object(config.pop("parts"))
        return cls(parts, **config)


def test_variables_of_the_members_are_those_of_the_collection():
    layers = made("ModuleList", [DENSE, LSTM])
    inside = [variable for layer in layers for variable in layer.weights]
    assert [id(v) for v in layers.weights] == [id(v) for v in inside]
    assert layers[-1] is layers.layers[1]
    assert [type(layer).__name__ for layer in layers[:1]] == ["Dense"]
    assert layers.built
    layers.trainable = False
    assert not any(layer.trainable_weights for layer in layers)


def test_names_of_attributes_and_other_characters_are_names_like_any_other():
    net = Net()
    assert tuple(net.parts) == tuple(net.parts.keys()) == NAMES
    assert net(X).shape == (8, 6, 1)
    assert "spare" not in net.parts


def test_call_of_the_collection_is_refused():
    message = "ModuleList expected its layers to be called one by one"
    for given in (X, keras.Input((3,))):
        with pytest.raises(SpecError, match=message):
            made("ModuleList", [DENSE])(given)


def test_layers_of_a_collection_train_in_a_model_and_compute_the_same_elsewhere():
    net = Net()
    net.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse", jit_compile=False)
    before = net.parts.get_native()
    target = np.cumsum(X[:, :, :1], axis=1)
    losses = net.fit(X, target, epochs=12, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    for name, array in net.parts.get_native().items():
        assert not np.array_equal(array, before[name]), name
    reference = ncps.convert(net.parts, "numpy")
    np.testing.assert_allclose(ops.to_numpy(net(X)), run(reference, X), **BOUNDS)


def test_keras_file_holds_a_collection_with_its_weights(tmp_path: Path):
    net = Net(made("ModuleDict", MEMBERS, seed=3))
    expected = ops.to_numpy(net(X))
    rng = np.random.default_rng(1)
    for variable in net.weights:
        variable.assign(rng.normal(size=tuple(variable.shape)).astype(np.float32))
    changed = ops.to_numpy(net(X))
    assert not np.allclose(changed, expected)
    net.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    assert again.parts.spec == net.parts.spec
    for name, array in net.parts.get_native().items():
        np.testing.assert_array_equal(again.parts.get_native()[name], array)
    np.testing.assert_array_equal(ops.to_numpy(again(X)), changed)


def test_weights_go_through_a_file_of_keras(tmp_path: Path):
    one, two = (made("ModuleList", [DENSE, LSTM, DENSE], seed=seed) for seed in (1, 2))
    models = []
    for layers in (one, two):
        model = keras.Sequential([keras.Input((None, 3)), layers[0], layers[1]])
        model.spare = layers
        models.append(model)
    models[0].save_weights(tmp_path / "m.weights.h5")
    models[1].load_weights(tmp_path / "m.weights.h5")
    for name, array in one.get_native().items():
        np.testing.assert_array_equal(two.get_native()[name], array)


def test_config_makes_an_equal_collection_of_the_same_seed():
    first = made("ModuleList", [DENSE, LSTM], dtype="mixed_bfloat16")
    again = type(first).from_config(first.get_config())
    assert (again.spec, again.dtype_policy.name) == (first.spec, "mixed_bfloat16")
    assert {layer.dtype_policy.name for layer in again} == {"mixed_bfloat16"}
    for name, array in first.get_native().items():
        np.testing.assert_array_equal(again.get_native()[name], array)


def test_layer_without_parameters_has_the_dtype_that_was_asked_for():
    layers = made("ModuleList", [("Activation", {"activation": "silu"})], dtype="float16")
    assert keras.backend.standardize_dtype(layers[0](X).dtype) == "float16"
