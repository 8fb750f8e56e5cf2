"""MLX's own modules: what they mean, and making them from a spec."""

from __future__ import annotations

import re

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

import ncps
from ncps import canonical, specs
from ncps.errors import BuildError, ConversionError, ParameterError, UnknownNameError
from ncps.testing import TOLERANCES
from ncps_mlx import ops
from ncps_mlx.natives import MlxNatives

NATIVES = MlxNatives()
LAYERS = {"Dense": nn.Linear, "GRU": nn.GRU, "LSTM": nn.LSTM, "RNN": nn.RNN}
D, H = 3, 5


def example(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=shape)


def native_output(module: nn.Module, x: np.ndarray, dtype: str) -> np.ndarray:
    """y of a module that gives y, or all h and all c."""
    y = module(ops.from_numpy(x, ops.DTYPES[dtype]))
    return ops.to_numpy(y[0] if isinstance(y, tuple) else y)


def reference_output(spec: specs.Spec, parameters: dict, x: np.ndarray) -> np.ndarray:
    layer = ncps.create(spec, technology="numpy")
    canonical.load_parameters(layer, parameters)
    y = layer(x)
    return y[0] if isinstance(y, tuple) else y


def assert_same_function(module: nn.Module, dtype: str = "float32") -> specs.Spec:
    """A module computes what its description says, and so does the one made from it."""
    x = example(2, 6, D)
    spec, parameters = NATIVES.describe(module)
    assert list(parameters) == [p.name for p in spec.parameters()]
    wanted = reference_output(spec, parameters, x)
    made = NATIVES.make(spec, parameters, dtype=dtype)
    assert type(made) is type(module)
    assert {ops.dtype_name(a) for a in ops.named(made.parameters()).values()} == {dtype}
    for m in (module, made):
        np.testing.assert_allclose(native_output(m, x, dtype), wanted, **TOLERANCES[dtype].values)
    return spec


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layer", LAYERS)
def test_layer_means_its_spec_and_comes_back(layer, bias):
    spec = assert_same_function(LAYERS[layer](D, H, bias=bias))
    # of MLX's layers, these give y without a state
    more = {"return_state": False} if layer in ("GRU", "RNN") else {}
    assert spec == specs.build(layer, input_size=D, units=H, use_bias=bias, **more)


@pytest.mark.parametrize(
    ("nonlinearity", "name"),
    [(None, "tanh"), (nn.tanh, "tanh"), (mx.tanh, "tanh"), (nn.relu, "relu")],
)
def test_rnn_keeps_its_nonlinearity(nonlinearity, name):
    assert assert_same_function(nn.RNN(D, H, nonlinearity=nonlinearity)).activation == name


def test_rnn_keeps_a_nonlinearity_that_is_a_module():
    module = nn.RNN(D, H)
    # set afterwards: MLX's constructor takes an empty module for none
    module.nonlinearity = nn.ReLU()
    assert assert_same_function(module).activation == "relu"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("layer", LAYERS)
def test_dtype_of_a_made_layer_is_the_one_asked_for(layer, dtype):
    module = LAYERS[layer](D, H)
    module.set_dtype(ops.DTYPES[dtype])
    assert_same_function(module, dtype)


def test_described_parameters_are_copies():
    module = nn.Linear(D, H)
    before = np.array(module.weight)
    _, parameters = NATIVES.describe(module)
    parameters["kernel"][:] = 0
    np.testing.assert_array_equal(np.array(module.weight), before)


def test_describing_and_making_a_layer_draw_nothing():
    module = nn.LSTM(D, H)
    before = mx.random.state[0].tolist()
    NATIVES.make(*NATIVES.describe(module), device="cpu")
    assert mx.random.state[0].tolist() == before


class Subclass(nn.Linear):
    pass


@pytest.mark.parametrize(
    "other",
    [Subclass(D, H), nn.Conv3d(1, 1, 1), nn.ReLU(), nn.Sequential(), nn.relu, nn.Linear, None],
)
def test_other_modules_and_subclasses_have_no_description(other):
    assert NATIVES.describe(other) is None


def adapted() -> nn.Module:
    module = nn.Linear(D, H)
    module.adapter = mx.zeros((1,))
    return module


def half_biased() -> nn.Module:
    module = nn.GRU(D, H)
    module.bhn = None
    return module


def of_dtype(dtype: mx.Dtype) -> nn.Module:
    module = nn.Linear(D, H)
    module.weight = module.weight.astype(dtype)
    return module


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.RNN(D, H, nonlinearity=mx.sin), "mlx.nn.RNN with mlx.nn.tanh or mlx.nn.relu"),
        (lambda: nn.RNN(D, H, nonlinearity=nn.sigmoid), "No spec has that nonlinearity: convert"),
        (adapted, "mlx.nn.Linear with the arrays {'weight': (5, 3), 'bias': (5,)}, got"),
        (half_biased, "expected a mlx.nn.GRU with the arrays"),
        (lambda: of_dtype(mx.complex64), "got complex64 for weight. Cast it with set_dtype first."),
    ],
)
def test_what_no_spec_can_say_is_refused(make, message):
    with pytest.raises(ConversionError, match=re.escape(message)):
        NATIVES.describe(make())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (specs.CfC(input_size=D, units=H), "got CfC: mlx.nn has"),
        (specs.LSTMCell(input_size=D, units=H), "got LSTMCell: mlx.nn has"),
        (specs.LSTM(input_size=D, units=H, num_layers=2), "got num_layers=2, bidirectional=False"),
        (specs.RNN(input_size=D, units=H, bidirectional=True), "num_layers=1, bidirectional=True"),
        (specs.GRU(input_size=D, units=H, reset_after=False), "mlx.nn.GRU has reset_after=True"),
        (
            specs.Dense(input_size=D, units=H, activation="tanh"),
            "without activation, got 'tanh': mlx.nn.Linear has none. Make it without one",
        ),
    ],
)
def test_spec_that_mlx_has_no_layer_for_is_refused(spec, message):
    with pytest.raises(ConversionError, match=re.escape(message)):
        NATIVES.make(spec, spec.initial_parameters(0))


def test_parameters_dtypes_and_devices_that_do_not_fit_are_refused():
    spec = specs.Dense(input_size=D, units=H)
    values = spec.initial_parameters(0)
    with pytest.raises(ParameterError, match=r"wrong shape: bias expected \(5,\), got \(1,\)"):
        NATIVES.make(spec, {**values, "bias": np.zeros(1)})
    with pytest.raises(BuildError, match="input_size is not known yet"):
        NATIVES.make(specs.Dense(units=H), values)
    with pytest.raises(UnknownNameError, match="unknown MLX layer dtype 'float64'"):
        NATIVES.make(spec, values, dtype="float64")
    with pytest.raises(UnknownNameError, match="unknown MLX device 'tpu'"):
        NATIVES.make(spec, values, device="tpu")
