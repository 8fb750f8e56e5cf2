from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import ncps
from ncps import registry
from ncps.abstractions import GPUAbstraction, LayerAbstraction, TensorAbstraction
from ncps.backend import NCPSBackend
from ncps.errors import ConversionError, NcpsError, PluginError, UnknownNameError
from ncps.reference.layers import Dense


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    NCPSBackend.set_backend(None)


def test_set_backend_holds_in_the_process_and_a_scope_until_it_is_left() -> None:
    NCPSBackend.set_backend("numpy")
    assert NCPSBackend.get_backend() == "numpy"
    assert type(ncps.create("Dense", input_size=2, units=1)) is Dense
    NCPSBackend.set_backend(None)
    with NCPSBackend.backend_scope("numpy"):
        assert NCPSBackend.get_implementation("Dense") is Dense
    with pytest.raises(UnknownNameError, match=r"Did you mean 'numpy'"):
        NCPSBackend.set_backend("nunpy")


def test_implementation_of_a_backend_is_its_class() -> None:
    assert NCPSBackend.get_implementation("Dense", "numpy") is Dense


def test_registered_backend_is_one_technology_more() -> None:
    NCPSBackend.register("mine", "numpy", {"Dense": Dense})
    try:
        assert NCPSBackend.get_implementation("Dense", "mine") is Dense
        assert "mine" in LayerAbstraction.TECHNOLOGIES
    finally:
        registry.unregister("mine")


def test_back_end_that_keras_does_not_run_on_says_what_to_do(monkeypatch) -> None:
    monkeypatch.setattr(registry, "runs_on", lambda framework: "tensorflow")
    with pytest.raises(PluginError, match=r"runs on tensorflow. Set KERAS_BACKEND=jax before"):
        NCPSBackend.set_backend("jax")
    with pytest.raises(PluginError, match="KERAS_BACKEND=jax"), NCPSBackend.backend_scope("jax"):
        pass


def test_layers_come_from_the_technology_of_the_object_or_call() -> None:
    layers = LayerAbstraction("numpy")
    layer = layers.create("Dense", input_size=2, units=3)
    assert type(layer) is Dense
    assert layers.get_optimal_technology("Dense") == "numpy"
    assert type(LayerAbstraction().create(layer.spec, technology="numpy")) is Dense
    with ncps.use("numpy"):
        assert LayerAbstraction().get_active_technology() == "numpy"
    ranked = [t.name for t in ncps.technologies() if t.available]
    assert list(LayerAbstraction.TECHNOLOGIES) == list(dict.fromkeys(ranked))


def test_parameters_are_converted_by_the_layer_face() -> None:
    layer = LayerAbstraction("numpy").create("Dense", input_size=2, units=3, seed=0)
    values = ncps.parameters(layer)
    found = LayerAbstraction().convert_parameters(values, "numpy", "numpy", layer.spec)
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in values.items()}


def test_layer_moves_to_a_device_as_a_copy_of_the_same_technology() -> None:
    layer = ncps.create("Dense", technology="numpy", input_size=2, units=3)
    moved = LayerAbstraction().to_device(layer, "cpu")
    assert moved is not layer
    assert type(moved) is Dense
    x = np.ones((1, 2))
    assert (moved(x) == layer(x)).all()
    with pytest.raises(NcpsError, match="gpu"):
        GPUAbstraction().move_layer(layer, "gpu")


def test_devices_of_the_framework_in_use() -> None:
    with ncps.use("numpy"):
        assert GPUAbstraction().devices() == ["cpu"]
        assert GPUAbstraction().get_default_device() == "cpu"
    x = np.ones(3)
    assert GPUAbstraction().to_device(x, "cpu") is x
    with pytest.raises(UnknownNameError, match="'cpu', got 'cuda'"):
        GPUAbstraction("numpy").to_device(x, "cuda")


def test_tensors_of_the_framework_in_use() -> None:
    with ncps.use("numpy"):
        tensors = TensorAbstraction()
        assert tensors.get_active_backend() == "numpy"
        assert tensors.tensor([1, 2], "float16").dtype == np.float16
        assert tensors.zeros((2, 3)).tolist() == np.zeros((2, 3)).tolist()
        assert tensors.ones((2,), "float64").dtype == np.float64
        assert tensors.namespace() is np
        with pytest.raises(UnknownNameError, match="unknown numpy dtype 'bfloat16'"):
            tensors.zeros((2,), "bfloat16")


def test_what_is_no_array_cannot_be_converted() -> None:
    with pytest.raises(ConversionError, match=r"expected an array of one of .*got a list"):
        TensorAbstraction("numpy").convert([1.0])
    x = np.ones(2)
    assert TensorAbstraction("numpy").convert(x) is x
