"""The manifest, the hooks, and what they import."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module, resources

import mlx.core as mx
import numpy as np
import pytest

import ncps
from ncps import registry, specs
from ncps.errors import PluginError, SpecError
from ncps_mlx import _plugin, layers, ops
from ncps_mlx.arrays import MlxArrays
from ncps_mlx.layers import stock
from ncps_mlx.natives import MlxNatives
from ncps_mlx.training import Trainer

MANIFEST = tomllib.loads(resources.files("ncps_mlx").joinpath("ncps_plugin.toml").read_text())


def test_manifest_names_classes_that_exist():
    technologies = {t["name"]: t for t in MANIFEST["technology"]}
    assert technologies.keys() == {"ncps", "mlx"}
    assert technologies["ncps"]["layers"].keys() == specs.BUILTIN.keys()
    for technology in technologies.values():
        for layer, target in technology["layers"].items():
            module, _, name = target.partition(":")
            cls = getattr(import_module(module), name)
            assert issubclass(cls, layers.NativeLayer)
            assert cls.__name__ == layer


@pytest.mark.parametrize("layer", ["Dense", "GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell"])
def test_technologies_give_our_layers_and_the_stock_ones(layer):
    options = {"input_size": 3, "units": 2}
    ours = ncps.create(layer, technology="ncps", framework="mlx", **options)
    stocks = ncps.create(layer, technology="mlx.nn", **options)
    assert type(ours) is getattr(layers, layer)
    assert type(stocks) is getattr(stock, layer)


def test_importing_the_plugin_and_its_hooks_imports_no_framework():
    code = (
        "import sys, ncps_mlx, ncps_mlx._plugin;"
        "sys.exit([m for m in ('mlx', 'numpy') if m in sys.modules] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_hooks_speak_for_mlx_alone():
    devices = ops.available_devices()
    assert devices[0] == "cpu" or "gpu" in devices
    assert _plugin.ncps_probe("ncps", "mlx") == _plugin.ncps_devices("mlx") == devices
    assert _plugin.ncps_trainer("mlx") is Trainer
    assert isinstance(_plugin.ncps_arrays("mlx"), MlxArrays)
    assert isinstance(_plugin.ncps_natives("mlx"), MlxNatives)
    hooks = _plugin.ncps_devices, _plugin.ncps_trainer, _plugin.ncps_arrays, _plugin.ncps_natives
    for hook in hooks:
        assert hook("torch") is None


def test_probe_says_why_mlx_cannot_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "ncps_mlx.ops", None)
    assert str(_plugin.ncps_probe("ncps", "mlx")).startswith("MLX cannot be imported")


def test_arrays_go_to_mlx_and_back():
    arrays = registry.arrays("mlx")
    values = np.array([[1.5, -2.0], [0.25, 8.0]])
    for dtype, back in (("float32", "float32"), ("float16", "float16"), ("bfloat16", "float32")):
        native = arrays.asarray(values, dtype)
        assert str(native.dtype) == f"mlx.core.{dtype}"
        assert arrays.numpy(native).dtype == back
        np.testing.assert_array_equal(arrays.numpy(native), values)
    assert arrays.asarray(np.array([True, False])).dtype == mx.bool_


def test_transposed_numpy_arrays_become_contiguous(tmp_path):
    """MLX keeps their strides and would write them to an exported function wrongly."""
    native = ops.from_numpy(np.arange(6, dtype=np.float32).reshape(2, 3).T)
    path = str(tmp_path / "f.mlxfn")
    mx.export_function(path, lambda x: x + native, mx.zeros((3, 2)))
    assert mx.array_equal(mx.import_function(path)(mx.zeros((3, 2)))[0], native)


def test_gradients_leave_the_layer_as_it_was():
    layer = layers.CfC(specs.CfC(input_size=3, units=4), seed=0)
    before = layer.get_native()
    x = np.ones((2, 3, 3), np.float32)
    state = np.zeros((2, 4), np.float32)
    _, by_parameter, by_input = MlxArrays().gradients(
        layer, {"x": x, "timespans": 1.0, "state": state, "mask": None}, np.ones((2, 3, 4))
    )
    assert by_parameter.keys() == before.keys()
    assert by_input["x"].shape == x.shape
    assert by_input["timespans"].shape == ()
    assert by_input["state"].shape == state.shape
    for name, array in layer.get_native().items():
        np.testing.assert_array_equal(array, before[name])


def test_stock_gru_refuses_the_reset_before_the_product_and_ours_takes_it():
    options = {"input_size": 3, "units": 4, "reset_after": False}
    with pytest.raises(PluginError, match=r"mlx\.nn\.GRU has reset_after=True only; technology"):
        ncps.create("GRU", technology="mlx.nn", **options)
    with pytest.raises(SpecError, match=r"mlx\.nn\.GRU has reset_after=True only"):
        stock.GRU(specs.GRU(**options))
    assert ncps.create("GRU", technology="ncps", framework="mlx", **options).spec.units == 4
