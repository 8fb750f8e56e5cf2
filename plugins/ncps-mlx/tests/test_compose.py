"""Layers on top of each other and in two directions, against plain layers put together here."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest

import ncps
from ncps import specs
from ncps.reference import following
from ncps.testing import TOLERANCES
from ncps_mlx import layers, ops

VALUES = TOLERANCES["float32"].values
X = mx.random.normal((4, 7, 3), key=mx.random.key(0))
DT = mx.random.uniform(0.1, 2.0, (4, 7), key=mx.random.key(1))


def make(**options):
    return layers.CfC(specs.CfC(input_size=3, units=5, backbone_units=6, **options), seed=0)


def close(got, expected):
    np.testing.assert_allclose(np.array(got), np.array(expected), **VALUES)


def test_a_stack_is_one_layer_after_the_other():
    layer = make(num_layers=2)
    lower, upper = (level["forward"] for level in layer.stack)
    y, states = layer(X, timespans=DT)
    below, first = lower(X, timespans=DT)
    above, second = upper(below, timespans=DT)
    close(y, above)
    for got, expected in zip(states, (first, second), strict=True):
        close(got, expected)


def test_the_reverse_direction_reads_from_the_end_with_the_same_gaps():
    layer = make(bidirectional=True)
    level = layer.stack[0]
    y, states = layer(X, timespans=DT)
    forth, last = level["forward"](X, timespans=DT)
    order = mx.array([0, 6, 5, 4, 3, 2, 1])
    back, end = level["reverse"](X[:, ::-1], timespans=DT[:, order])
    close(y, mx.concatenate([forth, back[:, ::-1]], axis=-1))
    for got, expected in zip(states, (last, end), strict=True):
        close(got, expected)


def test_one_output_is_the_last_of_each_direction():
    layer = make(bidirectional=True, num_layers=2)
    short = make(bidirectional=True, num_layers=2, return_sequences=False, return_state=False)
    y, _ = layer(X)
    close(short(X), mx.concatenate([y[:, -1, :5], y[:, 0, 5:]], axis=-1))


@pytest.mark.parametrize("steps", [0, 1, 2, 9])
def test_times_backwards_are_the_references(steps):
    rng = np.random.default_rng(steps)
    dt = rng.uniform(0.1, 2.0, (6, steps)).astype(np.float32)
    for mask in (None, rng.random((6, steps)) < 0.5, np.zeros((6, steps), bool)):
        real = np.ones((6, steps), bool) if mask is None else mask
        expected = following(dt, real)[:, ::-1]
        times = ops.Times(mx.array(dt), None if mask is None else mx.array(mask)).backwards
        # what a masked step holds does not matter
        shown = real[:, ::-1]
        np.testing.assert_array_equal(np.array(times.dt)[shown], expected[shown])
        if mask is not None:
            np.testing.assert_array_equal(np.array(times.mask), shown)


def test_parts_follow_the_whole_in_training_and_dtype():
    layer = make(num_layers=2, backbone_dropout=0.5)
    assert not mx.array_equal(layer(X)[0], layer(X)[0])
    layer.eval()
    assert mx.array_equal(layer(X)[0], layer(X)[0])
    layer.set_dtype(mx.float16)
    assert layer.dtype == "float16"
    assert layer(X)[0].dtype == mx.float16


def test_a_seed_gives_the_values_of_the_spec_and_leaves_the_generator_alone():
    mx.random.seed(3)
    expected = mx.random.uniform(shape=(3,))
    mx.random.seed(3)
    layer = make(bidirectional=True)
    assert mx.array_equal(mx.random.uniform(shape=(3,)), expected)
    for name, array in layer.spec.initial_parameters(0).items():
        np.testing.assert_array_equal(ncps.parameters(layer)[name], array)


def test_a_composed_layer_learns_its_input_size_at_the_first_call():
    layer = layers.GRU(specs.GRU(units=4, num_layers=2, bidirectional=True), seed=0)
    assert not layer.built
    assert layer(X)[0].shape == (4, 7, 8)
    assert layer.spec.input_size == 3
