"""Normalisations and Embedding on MLX: training, frozen statistics, MLX's own modules."""

from __future__ import annotations

import re

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

import ncps
from ncps.errors import ConversionError, IndicesError, ShapeError
from ncps.testing import TOLERANCES
from ncps_mlx import ops

BOUNDS = TOLERANCES["float32"].values
MODULES = {
    "layer": lambda: nn.LayerNorm(6),
    "layer without bias": lambda: nn.LayerNorm(6, eps=1e-3, bias=False),
    "layer alone": lambda: nn.LayerNorm(6, affine=False),
    "rms": lambda: nn.RMSNorm(6),
    "batch": lambda: nn.BatchNorm(6, eps=1e-3, momentum=0.2),
    "batch alone": lambda: nn.BatchNorm(6, affine=False),
    "group": lambda: nn.GroupNorm(2, 6, pytorch_compatible=True),
    "one group, however it counts": lambda: nn.GroupNorm(1, 6),
    "embedding": lambda: nn.Embedding(9, 6),
}


def made(layer: str, **options: object) -> nn.Module:
    return ncps.create(layer, technology="ncps", framework="mlx", seed=1, **options)


def varied(module: nn.Module) -> nn.Module:
    """With values that are not the first ones."""
    rng = np.random.default_rng(2)
    arrays = ops.named(module.parameters())
    module.load_weights([(n, mx.array(rng.uniform(0.3, 1.5, a.shape))) for n, a in arrays.items()])
    return module


def test_batch_norm_trains_as_mlx_does() -> None:
    ours, own = made("BatchNorm", input_size=6, momentum=0.3), nn.BatchNorm(6, momentum=0.3)
    rng = np.random.default_rng(0)
    for _ in range(3):
        x = mx.array(rng.standard_normal((4, 5, 6)), mx.float32)
        np.testing.assert_allclose(ours(x), own(x), **BOUNDS)
    for name in ("running_mean", "running_var"):
        np.testing.assert_allclose(ours[name], own[name], **BOUNDS)


def test_moving_variance_follows_the_unbiased_one() -> None:
    layer = made("BatchNorm", input_size=1, momentum=1.0)
    layer(mx.array([[1.0], [2.0], [6.0]]))
    statistics = ncps.parameters(layer)
    assert statistics["moving_mean"] == pytest.approx(3.0)
    assert statistics["moving_variance"] == pytest.approx(7.0)


def test_one_value_for_each_feature_cannot_train_but_infers() -> None:
    layer = made("BatchNorm", input_size=6)
    with pytest.raises(ShapeError, match="two values or more for each feature in training"):
        layer(mx.zeros((1, 6)))
    layer.eval()
    assert layer(mx.zeros((1, 6))).shape == (1, 6)


def test_moving_statistics_stay_frozen() -> None:
    layer = made("BatchNorm")
    layer.unfreeze()
    layer.build((None, 6))
    for _ in range(2):
        assert sorted(layer.trainable_parameters()) == ["bias", "weight"]
        layer.unfreeze()


def test_training_step_moves_statistics_and_weights_alone() -> None:
    layer = made("BatchNorm", input_size=3)
    x = mx.array(np.random.default_rng(0).normal(2.0, 1.0, (8, 3)), mx.float32)
    before = layer.get_native()
    _, gradients = nn.value_and_grad(layer, lambda m: (m(x) ** 3).sum())(layer)
    assert sorted(gradients) == ["bias", "weight"]
    changed = [n for n, a in layer.get_native().items() if not np.array_equal(a, before[n])]
    assert sorted(changed) == ["running_mean", "running_var"]


@pytest.mark.parametrize("name", MODULES)
def test_own_module_means_a_spec_and_comes_back(name: str) -> None:
    own = varied(MODULES[name]())
    spec, parameters = ncps.from_native(own)
    again = ncps.to_native(spec, parameters, "mlx")
    assert type(again) is type(own)
    before, after = (ops.named(m.parameters()) for m in (own, again))
    assert before.keys() == after.keys()
    assert all(mx.array_equal(after[n], a) for n, a in before.items())
    converted = ncps.convert(own, "numpy")
    assert own.training, "verifying must leave the mode alone"
    x = spec.example(np.random.default_rng(3))
    own.eval()
    again.eval()
    for module in (own, again):
        np.testing.assert_allclose(module(mx.array(x)), converted(x), **BOUNDS)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.GroupNorm(2, 6), "with pytorch_compatible=True, got one whose groups are every n-th"),
        (nn.BatchNorm(6, track_running_stats=False), "that keeps running statistics"),
    ],
)
def test_module_that_no_spec_describes_is_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(ConversionError, match=re.escape(message)):
        ncps.from_native(module)


@pytest.mark.parametrize(
    ("layer", "options", "message"),
    [
        ("BatchNorm", {"center": False}, "scale and center both, or neither"),
        ("BatchNorm", {"rank": 5}, "it takes 2 to 4 axes, not 5"),
        ("LayerNorm", {"scale": False}, "no center without scale"),
        ("RMSNorm", {"scale": False}, "it always has a scale"),
    ],
)
def test_spec_that_mlx_has_no_module_for_is_refused(
    layer: str, options: dict, message: str
) -> None:
    made_ = made(layer, input_size=6, **options)
    with pytest.raises(ConversionError, match=message):
        ncps.to_native(made_.spec, ncps.parameters(made_), "mlx")


@pytest.mark.parametrize("x", [[0, 9], [-1], [0.5], [True]])
def test_index_that_is_no_row_raises(x: list) -> None:
    layer = made("Embedding", vocabulary_size=9, units=4)
    for given in (mx.array(x), np.array(x)):
        with pytest.raises(IndicesError, match="Embedding expected indices"):
            layer(given)


def test_embedding_runs_compiled_where_values_are_not_known() -> None:
    layer = made("Embedding", vocabulary_size=9, units=4)
    x = mx.array([3, 8])
    assert mx.array_equal(mx.compile(layer)(x), layer["weight"][x])


def test_padding_row_gets_no_gradient() -> None:
    layer = made("Embedding", vocabulary_size=4, units=2, padding_index=1)
    x = mx.array([0, 1, 1, 2])
    _, gradients = nn.value_and_grad(layer, lambda m: m(x).sum())(layer)
    assert gradients["weight"].sum(1).tolist() == [2.0, 0.0, 2.0, 0.0]
