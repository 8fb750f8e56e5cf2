"""torch's modules without parameters of their own: functions and containers."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from ncps import registry
from ncps.errors import UnknownNameError
from ncps_torch import _plugin
from ncps_torch.natives import TorchNatives

NATIVES = TorchNatives()
FUNCTIONS = {
    "gelu": nn.GELU,
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
D, H = 3, 5


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_modules_have_names_and_come_from_them(name):
    module = FUNCTIONS[name]()
    assert NATIVES.function(module) == name
    assert type(NATIVES.make_function(name)) is type(module)
    x = torch.linspace(-2, 2, 9)
    wanted = {"identity": lambda x: x}.get(name) or getattr(nn.functional, name)
    torch.testing.assert_close(NATIVES.make_function(name)(x), wanted(x))


def test_modules_that_apply_another_function_have_no_name():
    others = [nn.GELU(approximate="tanh"), nn.Dropout(0.0), nn.ELU(), nn.Linear(D, H), torch.tanh]
    assert [NATIVES.function(module) for module in others] == [None] * len(others)
    changed = nn.ReLU()
    changed.register_forward_hook(lambda module, args, y: 2 * y)
    assert NATIVES.function(changed) is None
    with pytest.raises(UnknownNameError, match="Did you mean 'relu'"):
        NATIVES.make_function("rellu")


@pytest.mark.parametrize(
    ("container", "kind"),
    [
        (nn.Sequential(OrderedDict(first=nn.Linear(D, H), second=nn.ReLU())), "sequential"),
        (nn.ModuleList([nn.Linear(D, H), nn.ReLU()]), "list"),
        (nn.ModuleDict({"a": nn.Linear(D, H), "b": nn.ReLU()}), "dict"),
    ],
)
def test_containers_are_taken_apart_and_put_together(container, kind):
    assert NATIVES.kind(container) == kind
    children = NATIVES.children(container)
    again = NATIVES.assemble(kind, children)
    assert type(again) is type(container)
    assert list(NATIVES.children(again).items()) == list(children.items())


def test_modules_of_a_child_type_or_with_more_are_no_containers():
    class Mine(nn.Sequential):
        pass

    hooked, richer = nn.Sequential(), nn.Sequential()
    hooked.register_forward_hook(lambda module, args, y: y)
    richer.scale = nn.Parameter(torch.ones(1))
    for module in (Mine(), hooked, richer, nn.Linear(D, H), [nn.Linear(D, H)], None):
        assert NATIVES.kind(module) is None


def test_child_with_two_names_is_there_twice():
    relu = nn.ReLU()
    module = nn.Sequential(nn.Linear(D, D), relu, nn.Linear(D, H), relu)
    assert list(NATIVES.children(module)) == ["0", "1", "2", "3"]
    assert NATIVES.children(module)["3"] is relu


def test_sequential_takes_the_dotted_names_of_mlx_in_their_order():
    parts = {f"layers.{i}": nn.Linear(D, D) for i in range(11)}
    made = NATIVES.assemble("sequential", parts)
    assert list(made) == list(parts.values())


def test_registry_finds_the_adapter_and_it_knows_modules():
    natives = registry.natives("torch")
    assert isinstance(natives, TorchNatives)
    assert natives.framework == "torch"
    assert natives.is_module(nn.ReLU())
    assert not natives.is_module(nn.ReLU)


def test_hook_speaks_for_torch_alone():
    assert isinstance(_plugin.ncps_natives("torch"), TorchNatives)
    assert _plugin.ncps_natives("mlx") is None
