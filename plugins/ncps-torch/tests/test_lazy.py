"""Layers without an input size: torch's uninitialised parameters, moved, saved and loaded."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch.nn.parameter import is_lazy

import ncps
from ncps.errors import ShapeError, UnknownNameError
from ncps.wirings import AutoNCP

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("CfC", {"units": 5, "backbone_layers": 2, "mixed_memory": True}),
    ("CfC", {"units": AutoNCP(12, 3), "mode": "pure"}),
    ("LSTM", {"units": 5}),
    ("Dense", {"units": 5}),
]


def lazy(name: str, options: dict[str, Any], technology: str = "torch") -> Any:
    return ncps.create(name, technology=technology, seed=0, **options)


def built(name: str, options: dict[str, Any], technology: str = "torch") -> Any:
    return ncps.create(name, technology=technology, seed=1, input_size=4, **options)


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_parameters_are_there_before_their_shapes(name: str, options: dict[str, Any]) -> None:
    layer = lazy(name, options)
    before = dict(layer.named_parameters())
    assert all(is_lazy(p) for p in before.values())
    assert before.keys() == dict(built(name, options).named_parameters()).keys()
    layer = layer.double()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(torch.randn(2, 3, 4))
    assert layer.dtype == "float64"
    held = optimizer.param_groups[0]["params"]
    assert all(a is b for a, b in zip(held, layer.parameters(), strict=True))


@pytest.mark.parametrize(("name", "options"), OPTIONS)
@pytest.mark.parametrize("assign", [False, True])
def test_checkpoint_builds_the_layer(name: str, options: dict[str, Any], assign: bool) -> None:
    whole, layer = built(name, options), lazy(name, options)
    model = torch.nn.Sequential(layer)
    model.load_state_dict({f"0.{k}": v for k, v in whole.state_dict().items()}, assign=assign)
    x = torch.randn(2, 3, 4)
    torch.testing.assert_close(layer(x), whole(x), rtol=0, atol=0)
    assert layer.spec == whole.spec


def test_unbuilt_layer_is_saved_and_copied_as_unbuilt() -> None:
    layer = lazy(*OPTIONS[0])
    saved = torch.nn.Sequential(layer).state_dict()
    assert all(is_lazy(value) for value in saved.values())
    assert not copy.deepcopy(layer).built


def test_stock_layer_builds_for_the_right_size() -> None:
    for name in ("LSTM", "LSTMCell"):
        layer = lazy(name, {"units": 5}, "torch.nn")
        layer(torch.randn(2, 3, 4) if name == "LSTM" else torch.randn(2, 4))
        assert layer.lstm.input_size == 4


def test_checkpoint_of_other_options_says_so() -> None:
    saved = built("CfC", {"units": 2, "backbone_layers": 0}).state_dict()
    layer = lazy("CfC", {"units": 30, "backbone_layers": 0})
    with pytest.raises(ShapeError, match="a layer with the same options"):
        layer.load_state_dict(saved)


def test_unknown_dtype_and_device_name_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'float32'"):
        built("Dense", {"units": 5, "dtype": "float23"})


def test_seed_of_torch_fixes_parameters() -> None:
    values = []
    for _ in range(2):
        torch.manual_seed(3)
        layer = ncps.create("Dense", technology="torch", input_size=4, units=5)
        values.append(layer.linear.weight)
    assert torch.equal(*values)


def test_composed_layer_without_input_size_is_built_by_its_first_call_or_a_checkpoint() -> None:
    options = {"units": 5, "num_layers": 2, "bidirectional": True, "seed": 0}
    known = ncps.create("GRU", technology="torch", input_size=4, **options)
    lazy = ncps.create("GRU", technology="torch", **options)
    loaded = ncps.create("GRU", technology="torch", **(options | {"seed": 1}))
    loaded.load_state_dict(known.state_dict())
    x = torch.randn(2, 3, 4)
    for other in (lazy, loaded):
        torch.testing.assert_close(other(x), known(x), rtol=0, atol=0)
