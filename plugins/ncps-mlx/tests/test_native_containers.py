"""MLX's modules without parameters of their own: functions and containers."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from ncps import registry
from ncps.errors import UnknownNameError
from ncps.testing import TOLERANCES
from ncps_mlx import ops
from ncps_mlx.natives import MlxNatives

NATIVES = MlxNatives()
FUNCTIONS = {
    "gelu": (nn.GELU, nn.gelu),
    "identity": (nn.Identity, None),
    "relu": (nn.ReLU, nn.relu),
    "sigmoid": (nn.Sigmoid, mx.sigmoid),
    "silu": (nn.SiLU, nn.silu),
    "tanh": (nn.Tanh, mx.tanh),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_modules_have_names_and_come_from_them(name):
    cls, function = FUNCTIONS[name]
    assert NATIVES.function(cls()) == name
    made = NATIVES.make_function(name)
    assert type(made) is cls
    x = mx.linspace(-2, 2, 9)
    wanted = x if function is None else function(x)
    np.testing.assert_allclose(
        ops.to_numpy(made(x)), ops.to_numpy(wanted), **TOLERANCES["float32"].values
    )


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (nn.gelu, "gelu"),
        (nn.relu, "relu"),
        (nn.sigmoid, "sigmoid"),
        (mx.sigmoid, "sigmoid"),
        (nn.silu, "silu"),
        (nn.tanh, "tanh"),
        (mx.tanh, "tanh"),
    ],
)
def test_functions_of_mlx_have_names(function, name):
    assert NATIVES.function(function) == name


def test_what_applies_another_function_has_no_name():
    others = [nn.GELU("precise"), nn.Dropout(0.0), nn.ELU(), nn.Linear(2, 3), mx.sin, nn.elu, None]
    assert [NATIVES.function(other) for other in others] == [None] * len(others)
    with pytest.raises(UnknownNameError, match="Did you mean 'relu'"):
        NATIVES.make_function("rellu")


def test_sequential_is_taken_apart_and_put_together_with_its_functions():
    shared = nn.Linear(2, 2)
    container = nn.Sequential(shared, nn.relu, shared, mx.sin)
    assert NATIVES.kind(container) == "sequential"
    children = NATIVES.children(container)
    assert list(children) == [f"layers.{i}" for i in range(4)]
    assert NATIVES.function(children["layers.1"]) == "relu"
    assert NATIVES.function(children["layers.3"]) is None
    again = NATIVES.assemble("sequential", children)
    assert type(again) is nn.Sequential
    for old, new in zip(container.layers, again.layers, strict=True):
        assert new is old


def test_lists_and_dicts_are_pythons_own():
    a, b = nn.Linear(2, 3), nn.ReLU()
    assert NATIVES.assemble("list", {"0": a, "1": b}) == [a, b]
    assert list(NATIVES.assemble("dict", {"a": a, "b": b}).items()) == [("a", a), ("b", b)]


def test_children_are_found_in_lists_and_dicts_and_functions_are_not():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(2, 2)
            self.scale = mx.ones(2)
            self.act = nn.relu
            self.blocks = [nn.Linear(2, 2), {"inner": nn.ReLU(), "number": 3}, nn.relu]

    model = Model()
    assert NATIVES.kind(model) is None
    assert NATIVES.children(model) == {
        "first": model.first,
        "blocks.0": model.blocks[0],
        "blocks.1.inner": model.blocks[1]["inner"],
    }


def test_sequentials_of_a_child_type_or_with_more_are_no_containers():
    class Mine(nn.Sequential):
        pass

    richer = nn.Sequential()
    richer.scale = mx.ones(1)
    for module in (Mine(), richer, nn.Linear(2, 3), [nn.Linear(2, 3)], None):
        assert NATIVES.kind(module) is None


def test_registry_finds_the_adapter_and_it_knows_modules():
    natives = registry.natives("mlx")
    assert isinstance(natives, MlxNatives)
    assert natives.framework == "mlx"
    assert natives.is_module(nn.ReLU())
    assert not natives.is_module(nn.relu)
