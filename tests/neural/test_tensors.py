"""Tensors between frameworks: the same memory where DLPack allows it, the same values always."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ncps
from ncps.abstractions import GPUAbstraction, LayerAbstraction, TensorAbstraction
from ncps.errors import PluginError
from ncps.testing import TOLERANCES

VALUES = np.arange(4096.0).reshape(64, 64) % 7


def _tensors(name: str) -> TensorAbstraction:
    tensors = TensorAbstraction(name)
    try:
        tensors.zeros((1,))
    except ncps.NcpsError as error:
        pytest.skip(str(error))
    return tensors


def _address(x: Any) -> int:
    for pointer in ("data_ptr", "unsafe_buffer_pointer"):
        if hasattr(x, pointer):
            return int(getattr(x, pointer)())
    seen = x if isinstance(x, np.ndarray) else np.from_dlpack(x)
    return int(seen.ctypes.data)


@pytest.mark.parametrize("source", ["numpy", "mlx", "torch", "keras", "jax"])
@pytest.mark.parametrize("target", ["numpy", "mlx", "torch", "keras", "jax"])
def test_values_survive_the_way_to_another_framework(source: str, target: str) -> None:
    x, there = _tensors(source).tensor(VALUES, "float16"), _tensors(target)
    y = there.convert(x)
    assert type(y) is type(there.zeros((1,)))
    back = np.asarray(TensorAbstraction("numpy").convert(y))
    assert back.dtype == np.float16
    assert (back == VALUES).all()


@pytest.mark.parametrize(
    ("source", "target"),
    [
        *(("numpy", "torch"), ("torch", "numpy"), ("torch", "jax"), ("jax", "torch")),
        *(("jax", "numpy"), ("mlx", "numpy"), ("mlx", "torch")),
        *(("torch", "tensorflow"), ("tensorflow", "torch"), ("tensorflow", "jax")),
    ],
)
def test_memory_is_shared_on_the_processor(source: str, target: str) -> None:
    x, there = _tensors(source).tensor(VALUES, "float32", "cpu"), _tensors(target)
    assert _address(there.convert(x)) == _address(x)


def test_bfloat16_is_shared_where_both_know_it_and_float32_in_numpy() -> None:
    x = _tensors("torch").tensor(VALUES, "bfloat16")
    y = TensorAbstraction("numpy").convert(x)
    assert y.dtype == np.float32
    assert (y == VALUES).all()
    z = _tensors("jax").convert(x)
    assert str(z.dtype) == "bfloat16"
    assert _address(z) == _address(x)


def test_tensor_with_a_gradient_is_handed_over_without_it() -> None:
    x = _tensors("torch").tensor(VALUES).requires_grad_()
    assert (TensorAbstraction("numpy").convert(x) == VALUES).all()
    assert x.requires_grad


def test_noncontiguous_tensor_keeps_its_values() -> None:
    x = _tensors("torch").tensor(VALUES).T
    for target in ("numpy", "mlx", "jax"):
        there = _tensors(target)
        assert (TensorAbstraction("numpy").convert(there.convert(x)) == VALUES.T).all()


@pytest.mark.parametrize("name", ["numpy", "mlx", "jax", "torch"])
def test_namespace_has_the_names_of_the_array_api_standard(name: str) -> None:
    if name == "torch":
        pytest.importorskip("array_api_compat")
    if name == "numpy" and np.lib.NumpyVersion(np.__version__) < "2.0.0":
        pytest.skip("NumPy has the standard's names from 2.0 on")
    tensors = _tensors(name)
    xp, x = tensors.namespace(), tensors.tensor(VALUES)
    y = xp.permute_dims(xp.expand_dims(x, axis=0), (2, 1, 0))
    assert tuple(y.shape) == (64, 64, 1)
    assert (TensorAbstraction("numpy").convert(xp.concat([x, x], axis=1))[:, :64] == VALUES).all()


def test_namespace_of_torch_says_what_to_install(monkeypatch) -> None:
    tensors = _tensors("torch")
    monkeypatch.setitem(__import__("sys").modules, "array_api_compat", None)
    with pytest.raises(PluginError, match=r"pip install \"ncps-torch\[array-api\]\""):
        tensors.namespace()


@pytest.mark.parametrize("name", ["mlx", "torch", "keras"])
def test_layer_moves_to_a_device_and_stays_what_it_is(name: str) -> None:
    _tensors(name)
    layer = LayerAbstraction(name).create("GRU", input_size=3, units=4, seed=0)
    moved = GPUAbstraction(name).move_layer(layer, "cpu")
    assert type(moved) is type(layer)
    x = np.ones((2, 5, 3), np.float32)
    expected = ncps.record(layer, x)["y"]
    np.testing.assert_allclose(ncps.record(moved, x)["y"], expected, **TOLERANCES["float32"].values)
    assert GPUAbstraction(name).get_default_device() in GPUAbstraction(name).devices()
