"""Convolutions and pools: shapes, one form for each meaning, and what is refused."""

from __future__ import annotations

import json
import re

import pytest

import ncps
from ncps import specs
from ncps.errors import NcpsError, ShapeError, SpecError


@pytest.mark.parametrize(
    ("spec", "given", "expected"),
    [
        (specs.Conv1D(filters=4, kernel_size=3), (2, 7, 3), (2, 5, 4)),
        (specs.Conv1D(filters=4, kernel_size=3), (7, 3), (5, 4)),
        (specs.Conv1D(filters=4, kernel_size=3), (None, None, 3), (None, None, 4)),
        (specs.Conv1D(filters=4, kernel_size=3, padding="same", strides=2), (2, 7, 3), (2, 4, 4)),
        (specs.Conv1D(filters=4, kernel_size=3, padding="causal"), (2, 7, 3), (2, 7, 4)),
        (specs.Conv1D(filters=4, kernel_size=3, padding=2, dilation=2), (2, 7, 3), (2, 7, 4)),
        (
            specs.Conv2D(filters=4, kernel_size=(3, 2), padding="same", strides=(1, 2)),
            *((2, 5, 5, 3), (2, 5, 3, 4)),
        ),
        (specs.Conv1DTranspose(filters=4, kernel_size=3, strides=2), (2, 5, 3), (2, 11, 4)),
        (
            specs.Conv1DTranspose(filters=4, kernel_size=3, strides=2, padding="same"),
            *((2, 5, 3), (2, 10, 4)),
        ),
        (
            specs.Conv2DTranspose(
                filters=4, kernel_size=3, strides=2, padding=1, output_padding=(1, 0)
            ),
            *((2, 5, 4, 3), (2, 10, 7, 4)),
        ),
        (specs.MaxPool1D(), (2, 7, 3), (2, 3, 3)),
        (specs.MaxPool1D(padding="same"), (2, 7, 3), (2, 4, 3)),
        (specs.AveragePool2D(pool_size=(2, 3), strides=1), (5, 4, 3), (4, 2, 3)),
        (specs.GlobalMaxPool1D(), (2, 7, 3), (2, 3)),
        (specs.GlobalAveragePool2D(keepdims=True), (2, None, 5, 3), (2, 1, 1, 3)),
        (specs.Flatten(), (None, 5, 4, 3), (None, 60)),
        (specs.Flatten(), (2, None, 3), (2, None)),
        (specs.Dropout(), (4, 5), (4, 5)),
    ],
)
def test_output_shape(spec: specs.Spec, given: specs.Shape, expected: specs.Shape) -> None:
    assert spec.output_shape(given) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (specs.Conv2D(filters=4, kernel_size=3), specs.Conv2D(filters=4, kernel_size=[3, 3])),
        (
            specs.Conv1D(filters=4, kernel_size=3, padding=0),
            specs.Conv1D(filters=4, kernel_size=(3,), padding="valid"),
        ),
        (specs.MaxPool2D(pool_size=3), specs.MaxPool2D(pool_size=3, strides=(3, 3))),
        (specs.AveragePool2D(padding=(0, 0)), specs.AveragePool2D()),
    ],
)
def test_two_ways_to_say_one_meaning_are_equal(one: specs.Spec, other: specs.Spec) -> None:
    assert one == other


def test_config_comes_back_from_json() -> None:
    spec = specs.Conv2D(input_size=4, filters=6, kernel_size=(3, 2), padding=(1, 0), groups=2)
    assert specs.from_config(json.loads(json.dumps(spec.to_config()))) == spec


def test_depthwise_kernel_has_one_feature_for_each_filter() -> None:
    spec = specs.Conv1D(input_size=6, filters=12, kernel_size=3, groups=6)
    assert [p.shape for p in spec.parameters()] == [(3, 1, 12), (12,)]


@pytest.mark.parametrize(
    ("layer", "options", "message"),
    [
        ("Conv1D", {"padding": "casual"}, "Did you mean 'causal'"),
        ("Conv2D", {"padding": "causal"}, "unknown Conv2D padding 'causal'"),
        ("Conv2D", {"strides": (1, 2, 3)}, "expected strides to be one integer or 2, got (1, 2, 3"),
        ("Conv1D", {"kernel_size": 0}, "expected kernel_size to be an integer >= 1, got 0"),
        ("Conv1D", {"padding": -1}, "expected padding to be an integer >= 0, got -1"),
        ("Conv1D", {"groups": 3}, "expected filters to be a multiple of groups=3, got 4"),
        (
            "Conv1D",
            {"groups": 2, "input_size": 3},
            "expected input_size to be a multiple of groups=2, got 3",
        ),
        ("Conv1D", {"activation": "relux"}, "Did you mean 'relu'"),
        ("Conv1DTranspose", {"output_padding": 1}, "output_padding below the stride or the dil"),
        (
            "Conv1DTranspose",
            {"padding": "same", "strides": 2, "output_padding": 1},
            "expected no output_padding beside padding='same'",
        ),
        ("MaxPool1D", {"padding": 2}, "expected padding below pool_size=2, got 2"),
        ("AveragePool1D", {"count_include_pad": 1}, "count_include_pad to be True or False"),
        ("Dropout", {"rate": 1.0}, "expected rate in [0, 1), got 1.0"),
        ("Flatten", {"channels_first": "yes"}, "channels_first to be True or False"),
        ("GlobalMaxPool1D", {"keepdims": None}, "keepdims to be True or False"),
    ],
)
def test_option_of_a_wrong_value_is_refused(
    layer: str, options: dict[str, object], message: str
) -> None:
    usual = {"filters": 4, "kernel_size": 3} if layer.startswith("Conv") else {}
    with pytest.raises(NcpsError, match=re.escape(message)):
        specs.build(layer, **{**usual, **options})


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        (specs.Conv1D(filters=4, kernel_size=5), (2, 4, 3), "an input from which windows of 5"),
        (specs.Conv2D(filters=4, kernel_size=3), (7, 3), "shape (H, W, D) or (B, H, W, D), got"),
        (specs.Conv1D(filters=4, kernel_size=3, groups=2), (2, 7, 3), "a multiple of groups=2"),
        (
            specs.Conv1DTranspose(filters=4, kernel_size=2, padding=3),
            *((2, 4, 3), "an input from which windows of 2 leave something"),
        ),
        (specs.MaxPool1D(), (2, 0, 3), "got shape (2, 0, 3)"),
        (specs.GlobalMaxPool1D(), (2, 0, 3), "expected something to pool"),
        (specs.Flatten(), (), "expected an input of shape (B, …), got ()"),
    ],
)
def test_input_that_leaves_nothing_is_refused(
    spec: specs.Spec, shape: specs.Shape, message: str
) -> None:
    with pytest.raises(ShapeError, match=re.escape(message)):
        spec.output_shape(shape)


def test_transposed_convolution_has_no_groups() -> None:
    with pytest.raises(NcpsError, match="groups"):
        specs.build("Conv1DTranspose", filters=4, kernel_size=3, groups=2)


def test_pool_has_no_input_size() -> None:
    with pytest.raises(SpecError, match="MaxPool1D expected no input_size, got 3"):
        specs.MaxPool1D(input_size=3)


def test_layer_whose_features_do_not_fit_its_groups_stays_open() -> None:
    layer = ncps.create("Conv1D", technology="numpy", filters=4, kernel_size=3, groups=2)
    with pytest.raises(ShapeError, match="multiple of groups=2"):
        layer.build((2, 7, 3))
    assert not layer.built
    layer.build((2, 7, 6))
    assert layer.spec.input_size == 6
