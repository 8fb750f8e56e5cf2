"""Normalisations and Embedding: what their specs refuse, and what the reference makes of them."""

from __future__ import annotations

import numpy as np
import pytest

import ncps
from ncps import specs
from ncps.errors import IndicesError, ShapeError, SpecError


@pytest.mark.parametrize(
    ("layer", "options", "message"),
    [
        ("LayerNorm", {"epsilon": 0.0}, "LayerNorm expected epsilon to be a number > 0, got 0.0"),
        ("RMSNorm", {"scale": 1}, "RMSNorm expected scale to be True or False, got 1"),
        ("GroupNorm", {"groups": 4, "input_size": 6}, "a multiple of groups=4, got 6"),
        ("BatchNorm", {"momentum": 1.5}, r"momentum in \[0, 1\], got 1.5. It is the weight of"),
        (
            "Embedding",
            {"vocabulary_size": 3, "units": 2, "padding_index": 3},
            "padding_index below vocabulary_size=3, got 3",
        ),
    ],
)
def test_value_that_a_layer_cannot_have_is_refused(layer: str, options: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        specs.build(layer, **options)


def test_group_norm_left_open_refuses_features_that_groups_do_not_divide() -> None:
    layer = ncps.create("GroupNorm", groups=4, technology="numpy")
    with pytest.raises(SpecError, match="multiple of groups=4, got 6"):
        layer.build((2, 6))


def test_group_norm_needs_a_batch() -> None:
    with pytest.raises(ShapeError, match=r"\(B, …, 4\), got \(4,\)"):
        specs.GroupNorm(groups=2, input_size=4).output_shape((4,))


def test_normalised_vectors_have_mean_0_and_variance_1() -> None:
    x = np.random.default_rng(0).normal(3.0, 5.0, (4, 7, 64))
    y = ncps.create("LayerNorm", epsilon=1e-12, technology="numpy")(x)
    np.testing.assert_allclose(y.mean(-1), 0.0, atol=1e-9)
    np.testing.assert_allclose(y.std(-1), 1.0, atol=1e-9)
    grouped = ncps.create("GroupNorm", groups=4, epsilon=1e-12, technology="numpy")(x)
    parts = grouped.reshape(4, 7, 4, 16)
    np.testing.assert_allclose(parts.mean((1, 3)), 0.0, atol=1e-9)
    np.testing.assert_allclose(parts.std((1, 3)), 1.0, atol=1e-9)


def test_moving_statistics_are_parameters_that_no_gradient_changes() -> None:
    trained = {p.name: p.trainable for p in specs.BatchNorm(input_size=3).parameters()}
    assert trained == {"gamma": True, "beta": True, "moving_mean": False, "moving_variance": False}


@pytest.mark.parametrize("x", [np.array([0, 3]), np.array([-1]), np.array([1.0])])
def test_index_that_is_no_row_raises(x: np.ndarray) -> None:
    layer = ncps.create("Embedding", vocabulary_size=3, units=2, technology="numpy")
    with pytest.raises(IndicesError, match="Embedding expected indices"):
        layer(x)


def test_padding_row_starts_as_zeros() -> None:
    spec = specs.Embedding(vocabulary_size=3, units=2, padding_index=1)
    table = spec.initial_parameters(0)["embeddings"]
    assert not table[1].any()
    assert table[[0, 2]].all()
