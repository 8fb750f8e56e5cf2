"""Layers without recurrence: what the kit does not ask, training and graphs foremost."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import ncps
from ncps.errors import IndicesError, ShapeError
from ncps.testing import TOLERANCES
from ncps_keras import ops

BOUNDS = TOLERANCES["float32"].values


def create(layer: str, **options: Any) -> Any:
    return ncps.create(layer, technology="ncps", framework="keras", seed=0, **options)


def example(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).normal(1.0, 2.0, shape).astype(np.float32)


def test_batch_norm_in_training_uses_the_batch_and_follows_its_unbiased_variance():
    layer, x = create("BatchNorm", input_size=3, momentum=0.25), example(4, 5, 3)
    y = ops.to_numpy(layer(x, training=True))
    rows = x.reshape(-1, 3).astype(np.float64)
    expected = (x - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-5)
    np.testing.assert_allclose(y, expected, **BOUNDS)
    moved = layer.get_native()
    np.testing.assert_allclose(moved["moving_mean"], 0.25 * rows.mean(0), **BOUNDS)
    variance = 0.75 + 0.25 * rows.var(0, ddof=1)
    np.testing.assert_allclose(moved["moving_variance"], variance, **BOUNDS)


def test_batch_norm_that_is_frozen_infers_in_training_too():
    layer, x = create("BatchNorm", input_size=3), example(4, 3)
    layer.trainable = False
    np.testing.assert_array_equal(
        ops.to_numpy(layer(x, training=True)), ops.to_numpy(layer(x, training=False))
    )


def test_batch_norm_refuses_to_train_on_one_value():
    with pytest.raises(ShapeError, match="two values or more for each feature in training"):
        create("BatchNorm", input_size=3)(example(1, 3), training=True)


def test_moving_statistics_are_weights_that_no_optimiser_trains():
    layer = create("BatchNorm", input_size=3)
    assert {v.name for v in layer.trainable_variables} == {"gamma", "beta"}
    assert {v.name for v in layer.non_trainable_variables} == {"moving_mean", "moving_variance"}


def test_fit_moves_the_statistics_of_a_batch_norm():
    layer = create("BatchNorm", input_size=3)
    model = keras.Sequential([layer, create("Dense", input_size=3, units=1)])
    model.compile("sgd", "mse")
    model.fit(example(8, 3), example(8, 1), batch_size=4, epochs=1, verbose=0)
    assert not np.allclose(layer.get_native()["moving_mean"], 0.0)


def test_dropout_leaves_out_and_scales_in_training_alone():
    layer, x = create("Dropout", rate=0.25), np.ones((40, 50), np.float32)
    np.testing.assert_array_equal(ops.to_numpy(layer(x)), x)
    y = ops.to_numpy(layer(x, training=True))
    kept = y != 0
    np.testing.assert_allclose(y[kept], 1 / 0.75, **BOUNDS)
    assert 0.65 < kept.mean() < 0.85


def test_padding_row_of_an_embedding_has_no_gradient():
    layer = create("Embedding", vocabulary_size=4, units=2, padding_index=1)
    arrays = ncps.registry.arrays("keras")
    _, gradients, by_input = arrays.gradients(
        layer, {"x": np.array([0, 1, 1, 3])}, np.ones((4, 2), np.float32)
    )
    wanted = np.array([[1, 1], [0, 0], [0, 0], [1, 1]])
    np.testing.assert_array_equal(gradients["embeddings"], wanted)
    assert by_input == {}


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.array([0, 4]), "indices from 0 to 3, got 4"),
        (np.array([-1, 0]), "got -1"),
        (np.array([0.0]), "an integer dtype, got float"),
        (np.array([True]), "an integer dtype, got bool"),
    ],
)
def test_embedding_refuses_what_is_no_row(x, message):
    with pytest.raises(IndicesError, match=message):
        create("Embedding", vocabulary_size=4, units=2)(x)


@pytest.mark.parametrize(
    ("layer", "options"),
    [
        ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2}),
        ("Conv1D", {"filters": 6, "kernel_size": 3, "groups": 3, "dilation": 2}),
        ("Conv1DTranspose", {"filters": 4, "kernel_size": 2, "strides": 3}),
        ("MaxPool1D", {"padding": "same"}),
        ("AveragePool1D", {"pool_size": 3, "strides": 2, "padding": "same"}),
        ("GlobalAveragePool1D", {}),
        ("GroupNorm", {"groups": 3}),
    ],
)
def test_functional_model_of_open_length_computes_what_the_layer_does(layer, options):
    options = options | ({"input_size": 3} if layer in ("Conv1D", "Conv1DTranspose") else {})
    inner = create(layer, **options)
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, inner(inputs))
    for steps in (7, 8):
        x = example(2, steps, 3)
        got = model.predict(x, verbose=0)
        np.testing.assert_allclose(got, ops.to_numpy(inner(x)), **BOUNDS)


def test_keras_file_holds_convolution_norm_and_pool(tmp_path):
    parts = [
        create("Conv1D", input_size=3, filters=4, kernel_size=3, padding="causal"),
        create("BatchNorm", input_size=4),
        create("MaxPool1D"),
        create("Flatten"),
    ]
    model, x = keras.Sequential([keras.Input((8, 3)), *parts]), example(2, 8, 3)
    wanted = ops.to_numpy(model(x))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(ops.to_numpy(again(x)), wanted, **BOUNDS)
