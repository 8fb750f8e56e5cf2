"""Containers on MLX: modules, building, dtypes, training, compiling."""

from __future__ import annotations

import copy

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers
import numpy as np
import pytest

import ncps
from ncps.errors import BuildError
from ncps.testing import TOLERANCES
from ncps_mlx import ops

BOUNDS = TOLERANCES["float32"].values
LAYERS = [("Dense", {"units": 4, "activation": "tanh"}), ("LSTM", {"units": 5}), ("LayerNorm", {})]


def made(layer: str, **options: object) -> nn.Module:
    return ncps.create(layer, technology="ncps", framework="mlx", seed=1, **options)


def example(*shape: int) -> mx.array:
    return mx.array(np.random.default_rng(0).normal(size=shape), mx.float32)


def test_modules_stand_where_mlx_has_them() -> None:
    model = made("Sequential", layers=LAYERS, input_size=3)
    assert [type(m).__name__ for m in model.layers] == ["Dense", "LSTM", "LayerNorm"]
    assert "layers.0.linear.weight" in ops.named(model.parameters())


def test_functions_follow_the_dtype_of_the_model() -> None:
    layers = [("Activation", {"activation": "silu"}), *LAYERS]
    model = made("Sequential", layers=layers, dtype="bfloat16")
    y, (h, c) = model(example(2, 7, 3))
    assert {y.dtype, h.dtype, c.dtype} == {mx.bfloat16}
    model.set_dtype(mx.float32)
    assert model(example(2, 7, 3))[0].dtype == mx.float32


def test_model_trains_with_an_optimiser_of_mlx() -> None:
    words = [
        ("Embedding", {"vocabulary_size": 9, "units": 6}),
        ("Residual", {"inner": ("GRU", {"units": 6})}),
    ]
    model = made("Sequential", layers=[*words, ("Dense", {"units": 9})], return_state=False)
    optimiser = mlx.optimizers.Adam(0.05)
    x = mx.array(np.random.default_rng(0).integers(0, 9, (8, 12)))

    def loss(model: nn.Module) -> mx.array:
        return nn.losses.cross_entropy(model(x)[:, 1:], x[:, :-1], reduction="mean")

    step = nn.value_and_grad(model, loss)
    losses = []
    for _ in range(40):
        value, gradients = step(model)
        optimiser.update(model, gradients)
        losses.append(value.item())
    assert losses[-1] < losses[0] / 4


def test_first_call_inside_a_gradient_is_refused() -> None:
    model = made("Sequential", layers=LAYERS, return_state=False)
    x = example(2, 7, 3)
    with pytest.raises(BuildError, match="Sequential is not built"):
        mx.grad(lambda x: model(x).sum())(x)


def test_compiled_model_computes_the_same() -> None:
    model = made("Bidirectional", inner=("LSTM", {"units": 4}), input_size=3)
    x = example(2, 5, 3)
    np.testing.assert_allclose(mx.compile(lambda x: model(x)[0])(x), model(x)[0], **BOUNDS)


def test_copy_computes_the_same() -> None:
    model = made("Sequential", layers=LAYERS, input_size=3)
    x = example(2, 5, 3)
    assert mx.array_equal(copy.deepcopy(model)(x)[0], model(x)[0])


@pytest.mark.parametrize(
    ("layer", "options"),
    [("Sequential", {"layers": LAYERS}), ("LSTM", {"units": 5, "num_layers": 2})],
)
def test_each_parameter_is_drawn_once(layer, options, monkeypatch):
    draws = []
    generator = np.random.default_rng

    def counted(seed):
        draws.append(seed)
        return generator(seed)

    monkeypatch.setattr(np.random, "default_rng", counted)
    model = made(layer, input_size=3, **options)
    assert len(draws) == len(model.spec.parameters())
