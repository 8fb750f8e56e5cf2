"""ModuleList and ModuleDict on MLX: modules, dtypes, training, copies, conversion."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers
import numpy as np
import pytest

import ncps
from ncps.errors import SpecError
from ncps.testing import TOLERANCES
from ncps_mlx import ops

BOUNDS = TOLERANCES["float32"].values
DENSE = ("Dense", {"input_size": 3, "units": 4, "activation": "tanh"})
LSTM = ("LSTM", {"input_size": 4, "units": 5, "return_state": False})
NAMES = ("encoder", "update", "layers")


def made(layer: str, layers: Any, **options: Any) -> Any:
    return ncps.create(layer, technology="ncps", framework="mlx", seed=1, layers=layers, **options)


class Net(nn.Module):
    """A model of someone's own that picks its layers by name."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = made("ModuleDict", dict(zip(NAMES, (DENSE, LSTM, DENSE), strict=True)))

    def __call__(self, x: mx.array) -> mx.array:
        y: mx.array = self.parts["update"](self.parts["encoder"](x))
        return y


def test_arrays_are_named_by_place_and_by_name() -> None:
    layers = made("ModuleList", [DENSE, LSTM])
    assert next(iter(ops.named(layers.parameters()))) == "layers.0.linear.weight"
    assert layers[-1] is layers.layers[1]
    assert [type(m).__name__ for m in layers[:1]] == ["Dense"]
    assert "encoder.linear.weight" in ops.named(Net().parts.parameters())


def test_names_of_methods_are_names_like_any_other() -> None:
    net = Net()
    assert tuple(net.parts) == NAMES
    net.eval()
    assert not any(part.training for part in net.parts.values())
    net.set_dtype(mx.float16)
    assert net(mx.zeros((2, 7, 3))).dtype == mx.float16


def test_weights_go_through_a_file_of_mlx(tmp_path: Path) -> None:
    one, two = Net(), Net()
    two.apply(lambda a: a * 0)
    one.save_weights(str(tmp_path / "w.safetensors"))
    two.load_weights(str(tmp_path / "w.safetensors"))
    x = mx.ones((2, 7, 3))
    assert mx.array_equal(one(x), two(x))
    layers = made("ModuleList", [DENSE, LSTM])
    layers.load_weights(list(ops.named(copy.deepcopy(layers).parameters()).items()))


def test_call_of_the_collection_is_refused() -> None:
    with pytest.raises(SpecError, match="ModuleList expected its layers to be called one by one"):
        made("ModuleList", [DENSE])(mx.zeros((2, 3)))


def test_layers_of_a_collection_train_in_a_model_and_compute_the_same_elsewhere() -> None:
    net = Net()
    optimiser = mlx.optimizers.Adam(0.05)
    x = mx.array(np.random.default_rng(0).normal(size=(8, 6, 3)), mx.float32)

    def loss(net: nn.Module) -> mx.array:
        return mx.square(net(x)[:, -1, 0] - x[:, :, 0].mean(1)).mean()

    step = nn.value_and_grad(net, loss)
    losses = []
    for _ in range(30):
        value, gradients = step(net)
        optimiser.update(net, gradients)
        losses.append(value.item())
    assert losses[-1] < losses[0] / 4
    reference = ncps.convert(net.parts, "numpy")
    y = reference["update"](reference["encoder"](np.array(x)))
    np.testing.assert_allclose(np.array(net(x)), y, **BOUNDS)


def test_layer_without_parameters_has_the_dtype_that_was_asked_for() -> None:
    silu = ("Activation", {"activation": "silu"})
    layers = made("ModuleList", [silu], dtype="float16")
    assert layers[0](mx.ones((2, 3))).dtype == mx.float16
