"""Convolutions, pools, Flatten and Dropout: torch's own modules, and the modes of ours."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

import ncps
from ncps import canonical, specs
from ncps.errors import ConversionError
from ncps.testing import TOLERANCES
from ncps_torch.natives import TorchNatives

NATIVES = TorchNatives()
D = 4
MODULES = [
    lambda: nn.Conv1d(D, 6, 3),
    lambda: nn.Conv1d(D, 6, 3, padding="same", dilation=2),
    lambda: nn.Conv1d(D, 6, 3, stride=2, padding=1, groups=2, bias=False),
    lambda: nn.Conv2d(D, 6, (3, 2), stride=(1, 2), padding=(0, 1)),
    lambda: nn.Conv2d(D, 8, 2, groups=D),
    lambda: nn.ConvTranspose1d(D, 6, 3, stride=2, padding=1, output_padding=1),
    lambda: nn.ConvTranspose2d(D, 6, (3, 2), stride=2, dilation=(1, 2), bias=False),
    lambda: nn.MaxPool1d(2),
    lambda: nn.MaxPool2d(3, stride=2, padding=1),
    lambda: nn.AvgPool1d(3, stride=1, padding=1),
    lambda: nn.AvgPool2d((2, 3), padding=1, count_include_pad=False),
    lambda: nn.AdaptiveAvgPool1d(1),
    lambda: nn.AdaptiveMaxPool2d((1, 1)),
]


def given(module: nn.Module) -> np.ndarray:
    lengths = (7, 6) if type(module).__name__.endswith("2d") else (9,)
    return np.random.default_rng(7).normal(size=(2, *lengths, D))


def reference_output(spec: specs.Spec, parameters: dict, x: np.ndarray) -> np.ndarray:
    layer = ncps.create(spec, technology="numpy")
    canonical.load_parameters(layer, parameters)
    return layer(x)


@pytest.mark.parametrize("make", MODULES)
def test_torchs_own_module_means_its_spec_and_comes_back(make):
    module = make()
    x = given(module)
    spec, parameters = NATIVES.describe(module)
    wanted = reference_output(spec, parameters, x)
    made = NATIVES.make(spec, parameters, dtype="float64")
    assert type(made) is type(module)
    assert NATIVES.describe(made)[0] == spec
    for m in (module.double(), made):
        y = m(torch.tensor(x).movedim(-1, 1)).movedim(1, -1).detach().numpy()
        np.testing.assert_allclose(y, wanted, **TOLERANCES["float32"].values)
        np.testing.assert_allclose(NATIVES.run(m, x), wanted, **TOLERANCES["float32"].values)


@pytest.mark.parametrize("module", [nn.Dropout(0.25), nn.Flatten()])
def test_modules_without_parameters_come_back(module):
    spec, parameters = NATIVES.describe(module)
    assert parameters == {}
    assert NATIVES.describe(NATIVES.make(spec, {}))[0] == spec


def test_run_leaves_dropout_out_and_the_mode_alone():
    module = nn.Dropout(0.5)
    x = np.ones((4, 5), np.float32)
    np.testing.assert_array_equal(NATIVES.run(module, x), x)
    assert module.training


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Conv1d(D, D, 3, padding=1, padding_mode="circular"), "got padding_mode='circular'"),
        (nn.ConvTranspose1d(D, D, 3, groups=2), "without groups, which no spec has, got groups=2"),
        (nn.MaxPool1d(2, dilation=2), "without dilation, which no pool has, got 2"),
        (nn.MaxPool1d(2, ceil_mode=True), "of whole windows, got ceil_mode=True"),
        (nn.MaxPool1d(2, return_indices=True), "that returns y alone, got return_indices=True"),
        (nn.AvgPool2d(2, divisor_override=3), "that divides by a count, got divisor 3"),
        (nn.AdaptiveAvgPool2d(2), "with output_size 1, over the whole axis, got 2"),
        (nn.Flatten(0), "of all axes but the first, got start_dim=0, end_dim=-1"),
        (nn.Dropout(1.0), "expected rate in [0, 1), got 1.0"),
    ],
)
def test_what_no_spec_can_say_is_refused(module, message):
    with pytest.raises(ConversionError, match=re.escape(message)):
        NATIVES.describe(module)


CONV = {"input_size": D, "filters": 2, "kernel_size": 3}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (specs.Conv1D(**CONV, activation="relu"), "it has no activation; make it without one"),
        (specs.Conv1D(**CONV, padding="causal"), "it has no padding 'causal' with strides 1"),
        (specs.Conv1D(**CONV, padding="same", strides=2), "no padding 'same' with strides 2"),
        (specs.Conv1DTranspose(**CONV, padding="same"), "it has no padding 'same'; give the"),
        (specs.MaxPool1D(padding="same"), "and pads half of the pool at most, not 'same'"),
        (specs.AveragePool1D(pool_size=3, padding=2), "pads half of the pool at most, not 2"),
        (specs.GlobalMaxPool1D(), "it keeps the pooled axes, as with keepdims=True"),
        (specs.Flatten(channels_first=True), "in the order in which they come"),
    ],
)
def test_spec_that_torch_has_no_layer_for_is_refused(spec, message):
    with pytest.raises(ConversionError, match=re.escape(message)):
        NATIVES.make(spec, spec.initial_parameters(0))


def test_dropout_in_training_keeps_the_mean_and_leaves_out_its_share():
    layer = ncps.create("Dropout", technology="torch", rate=0.25)
    torch.manual_seed(0)
    y = layer(torch.ones(200, 500))
    kept = y[y != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / 0.75))
    # the share of 100 000 draws lies within 5 standard deviations
    assert abs(kept.numel() / y.numel() - 0.75) < 5 * (0.25 * 0.75 / y.numel()) ** 0.5
    torch.manual_seed(0)
    assert torch.equal(layer(torch.ones(200, 500)), y)
    assert not torch.equal(layer(torch.ones(200, 500)), y)
    assert torch.equal(layer.eval()(torch.ones(3)), torch.ones(3))


def test_comparison_leaves_dropout_out():
    layer = ncps.create("Dropout", technology="torch", rate=0.9)
    assert ncps.compare(layer, ncps.convert(layer, "numpy")).within
    assert layer.training


def test_grouped_convolution_that_is_not_built_loads_a_checkpoint():
    options = {"technology": "torch", "filters": 6, "kernel_size": 3, "groups": 3}
    built = ncps.create("Conv1D", input_size=9, **options)
    lazy = ncps.create("Conv1D", **options)
    lazy.load_state_dict(built.state_dict())
    assert lazy.spec == built.spec
    x = torch.randn(2, 5, 9)
    assert torch.equal(lazy(x), built(x))


@pytest.mark.parametrize("padding", ["causal", "same"])
def test_convolution_is_exported_for_any_length(padding):
    options = {"filters": 2, "kernel_size": 3, "strides": 2, "padding": padding}
    layer = ncps.create("Conv1D", technology="torch", input_size=3, **options)
    # torch cannot prove for a range it is told that more than one window fits
    lengths = {1: torch.export.Dim.AUTO}
    program = torch.export.export(layer, (torch.randn(2, 9, 3),), dynamic_shapes=(lengths,))
    for n in (8, 11):
        x = torch.randn(2, n, 3)
        torch.testing.assert_close(program.module()(x), layer(x))
