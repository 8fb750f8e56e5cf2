"""Keras' own convolutions, pools, norms, Embedding, Dropout and Flatten: read, and made."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import ncps
from ncps import canonical, specs
from ncps.errors import ConversionError
from ncps.testing import TOLERANCES
from ncps_keras import ops
from ncps_keras.natives import KerasNatives

NATIVES = KerasNatives()
L = keras.layers
TORCH = keras.config.backend() == "torch"


def assert_same_function(layer: Any, *shape: int, indices: int = 0) -> Any:
    """A layer computes what its description says, and so does the one made from it."""
    rng = np.random.default_rng(3)
    layer.build(shape)
    for variable in layer.weights:
        variable.assign(rng.uniform(0.2, 0.9, variable.shape).astype(np.float32))
    x = rng.normal(size=shape).astype(np.float32)
    if indices:
        x = rng.integers(0, indices, shape).astype(np.int32)
    spec, parameters = NATIVES.describe(layer)
    judge = ncps.create(spec, technology="numpy")
    canonical.load_parameters(judge, parameters)
    made = NATIVES.make(spec, parameters)
    assert type(made) is type(layer)
    for one in (layer, made):
        got = np.array(ops.to_numpy(one(x)), np.float64)
        np.testing.assert_allclose(got, judge(x), **TOLERANCES["float32"].values)
    return spec


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (L.Conv1D(4, 3, strides=2, padding="same", activation="gelu"), (2, 8, 3)),
        (L.Conv1D(4, 3, padding="causal", dilation_rate=2, use_bias=False), (2, 8, 3)),
        (L.Conv2D(6, (2, 3), groups=2, activation="relu"), (2, 5, 6, 4)),
        (L.Conv1DTranspose(5, 4, strides=2), (2, 6, 3)),
        (L.Conv2DTranspose(5, (2, 3), strides=2, padding="same", use_bias=False), (2, 4, 3, 3)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_convolution_means_one_with_its_options_and_comes_back(layer, shape):
    spec = assert_same_function(layer, *shape)
    assert (spec.input_size, spec.filters) == (shape[-1], layer.filters)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (L.MaxPooling1D(3, 2, padding="same"), (2, 8, 3)),
        (L.MaxPooling2D((2, 3)), (2, 6, 6, 3)),
        (L.AveragePooling1D(3), (2, 7, 3)),
        (L.AveragePooling2D(2, 1), (2, 5, 4, 3)),
        (L.GlobalMaxPooling1D(), (2, 5, 3)),
        (L.GlobalAveragePooling2D(keepdims=True), (2, 5, 4, 3)),
        (L.Flatten(), (2, 5, 3)),
        (L.Dropout(0.3), (2, 5, 3)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_layer_without_weights_comes_back(layer, shape):
    assert_same_function(layer, *shape)


@pytest.mark.parametrize(
    "layer",
    [
        L.BatchNormalization(momentum=0.99),
        L.GroupNormalization(2, center=False),
        L.LayerNormalization(scale=False),
        L.RMSNormalization(epsilon=1e-4),
    ],
    ids=lambda value: value.name,
)
def test_normalisation_keeps_its_epsilon_and_comes_back(layer):
    assert assert_same_function(layer, 3, 5, 4).epsilon == layer.epsilon


def test_momentum_of_keras_weighs_the_old_value_and_ours_the_new_one():
    assert assert_same_function(L.BatchNormalization(momentum=0.99), 3, 4).momentum == 0.01


def test_batch_norm_of_images_comes_back_with_its_rank():
    assert assert_same_function(L.BatchNormalization(), 2, 3, 5, 4).rank == 4


def test_group_norm_that_was_made_takes_images_too():
    assert_same_function(L.GroupNormalization(2), 2, 3, 5, 4)


def test_embedding_comes_back():
    spec = assert_same_function(L.Embedding(7, 4), 2, 5, indices=7)
    assert spec == specs.Embedding(vocabulary_size=7, units=4)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (L.Conv1D(2, 3, activation="softmax"), "with an activation that a spec has, got softmax"),
        (L.Conv1DTranspose(2, 3, strides=2, output_padding=1), "without output_padding"),
        (L.LayerNormalization(axis=1), r"over the last axis, got axis=\[?1"),
        (L.BatchNormalization(renorm=True), "with renorm=False"),
        (L.Conv1DTranspose(2, 2, strides=3), "output is longer where strides exceed the kernel"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_layer_that_no_spec_describes_is_refused(layer, message):
    layer.build((2, 5, 3))
    with pytest.raises(ConversionError, match=message):
        NATIVES.describe(layer)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("Conv1D", {"input_size": 2, "filters": 2, "kernel_size": 3, "padding": 1}, "no padding 1"),
        ("RMSNorm", {"input_size": 2, "scale": False}, "always has a scale"),
        ("Embedding", {"vocabulary_size": 3, "units": 2, "padding_index": 0}, "trains all rows"),
        ("Flatten", {"channels_first": True}, "in the order in which they come"),
        ("AveragePool1D", {"padding": "same", "count_include_pad": True}, "only what lies in x"),
    ],
)
def test_what_keras_lacks_is_refused(name, options, message):
    spec = specs.build(name, **options)
    with pytest.raises(ConversionError, match=message):
        NATIVES.make(spec, spec.initial_parameters(0))


@pytest.mark.skipif(not TORCH, reason="Keras averages rightly on other back ends")
def test_average_with_padding_same_is_refused_on_torch():
    with pytest.raises(ConversionError, match="wrong at the border"):
        NATIVES.describe(L.AveragePooling1D(2, padding="same"))
