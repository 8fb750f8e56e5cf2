"""Convolutions, pools and Dropout: MLX's own modules, and the modes of ours."""

from __future__ import annotations

import re

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

import ncps
from ncps import canonical, specs
from ncps.errors import ConversionError
from ncps.testing import TOLERANCES
from ncps_mlx import ops
from ncps_mlx.natives import MlxNatives

NATIVES = MlxNatives()
D = 4
BOUNDS = TOLERANCES["float32"].values
MODULES = [
    lambda: nn.Conv1d(D, 6, 3),
    lambda: nn.Conv1d(D, 6, 3, stride=2, padding=1, groups=2, bias=False),
    lambda: nn.Conv2d(D, 6, (3, 2), stride=(1, 2), padding=(0, 1), dilation=(2, 1)),
    lambda: nn.Conv2d(D, 8, 2, groups=D),
    lambda: nn.ConvTranspose1d(D, 6, 3, stride=2, padding=1),
    lambda: nn.ConvTranspose2d(D, 6, (3, 2), stride=2, padding=(1, 0), bias=False),
    lambda: nn.MaxPool1d(2),
    lambda: nn.MaxPool2d(3, stride=2, padding=2),
    lambda: nn.AvgPool1d(3, stride=1, padding=1),
    lambda: nn.AvgPool2d((2, 3)),
]


def given(module: nn.Module) -> np.ndarray:
    lengths = (7, 6) if type(module).__name__.endswith("2d") else (9,)
    return np.random.default_rng(7).normal(size=(2, *lengths, D)).astype(np.float32)


def reference_output(spec: specs.Spec, parameters: dict, x: np.ndarray) -> np.ndarray:
    layer = ncps.create(spec, technology="numpy")
    canonical.load_parameters(layer, parameters)
    return layer(x)


@pytest.mark.parametrize("make", MODULES)
def test_mlxs_own_module_means_its_spec_and_comes_back(make):
    module = make()
    if "bias" in module:
        module.bias = mx.random.normal(module.bias.shape)
    x = given(module)
    spec, parameters = NATIVES.describe(module)
    wanted = reference_output(spec, parameters, x)
    made = NATIVES.make(spec, parameters)
    assert type(made) is type(module)
    assert NATIVES.describe(made)[0] == spec
    for m in (module, made):
        np.testing.assert_allclose(ops.to_numpy(m(mx.array(x))), wanted, **BOUNDS)
        np.testing.assert_allclose(NATIVES.run(m, x), wanted, **BOUNDS)


def test_dropout_comes_back_with_its_rate():
    spec, parameters = NATIVES.describe(nn.Dropout(0.1))
    assert (spec, parameters) == (specs.Dropout(rate=0.1), {})
    assert NATIVES.describe(NATIVES.make(spec, {}))[0] == spec


def test_run_leaves_dropout_out_and_the_mode_alone():
    module = nn.Dropout(0.5)
    x = np.ones((4, 5), np.float32)
    np.testing.assert_array_equal(NATIVES.run(module, x), x)
    assert module.training


CONV = {"input_size": D, "filters": 2, "kernel_size": 3}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (specs.Conv1D(**CONV, activation="relu"), "it has no activation; make it without one"),
        (specs.Conv1D(**CONV, padding="causal"), "it has no padding 'causal'; give the padding"),
        (specs.Conv1DTranspose(**CONV, padding="same"), "it has no padding 'same'; give the"),
        (specs.Conv1DTranspose(**CONV, padding=3), "wrong values for padding beyond the kernel"),
        (
            specs.Conv1DTranspose(**CONV, strides=2, output_padding=1),
            "MLX has wrong gradients with output_padding",
        ),
        (specs.MaxPool1D(padding="same"), "it has no padding 'same'"),
        (specs.AveragePool1D(pool_size=3, padding=1), "it counts what lies beyond the border"),
        (specs.Flatten(), "expected a layer that MLX has too, got Flatten"),
    ],
)
def test_spec_that_mlx_has_no_layer_for_is_refused(spec, message):
    with pytest.raises(ConversionError, match=re.escape(message)):
        NATIVES.make(spec, spec.initial_parameters(0))


def test_dropout_in_training_keeps_the_mean_and_leaves_out_its_share():
    layer = ncps.create("Dropout", technology="mlx", rate=0.25)
    mx.random.seed(0)
    y = np.array(layer(mx.ones((200, 500))))
    kept = y[y != 0]
    np.testing.assert_allclose(kept, 1 / 0.75, **BOUNDS)
    # the share of 100 000 draws lies within 5 standard deviations
    assert abs(kept.size / y.size - 0.75) < 5 * (0.25 * 0.75 / y.size) ** 0.5
    mx.random.seed(0)
    np.testing.assert_array_equal(np.array(layer(mx.ones((200, 500)))), y)
    assert np.any(np.array(layer(mx.ones((200, 500)))) != y)
    layer.eval()
    np.testing.assert_array_equal(np.array(layer(mx.ones(3))), np.ones(3))


@pytest.mark.parametrize("strides", [1, 3])
@pytest.mark.parametrize(("size", "padding", "extra"), [(1, 0, 0), (1, 1, 0), (2, 1, 2), (4, 0, 2)])
def test_transposed_convolution_is_right_where_mlxs_own_is_not(strides, size, padding, extra):
    if extra >= strides:
        extra = 0
    layer = ncps.create(
        *("Conv1DTranspose",),
        technology="mlx",
        input_size=D,
        filters=2,
        kernel_size=size,
        strides=strides,
        padding=padding,
        output_padding=extra,
    )
    x = np.random.default_rng(0).normal(size=(2, 5, D)).astype(np.float32)
    wanted = reference_output(layer.spec, ncps.parameters(layer), x)
    np.testing.assert_allclose(np.array(layer(mx.array(x))), wanted, **BOUNDS)
    gradient = mx.grad(lambda x: layer(x).sum())(mx.array(x))
    assert gradient.shape == x.shape
