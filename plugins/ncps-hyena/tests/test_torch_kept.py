"""A kept value on torch is never stale, whatever way a parameter changes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from ncps_hyena.torch.ops import Kept

X = torch.tensor([[1.0, -2.0]])


class Doubled(nn.Module):
    """x times twice the weight, and the twice is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 3)
        self.kept = Kept()
        self.made = 0

    def times(self, factor: float) -> torch.Tensor:
        def make() -> torch.Tensor:
            self.made += 1
            return factor * self.linear.weight

        return self.kept.get("times", factor, [self.linear.weight, self.linear.bias], make)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        twice = self.times(2.0)
        return x.to(twice.dtype) @ twice.T


def check(layer: Doubled) -> int:
    """What the layer gives is what its weight is now; how often it was made for that."""
    before = layer.made
    weight = layer.linear.weight.detach()
    with torch.no_grad():
        y = layer(X)
    torch.testing.assert_close(y, X.to(weight.dtype) @ (2 * weight).T, rtol=0, atol=0)
    return layer.made - before


@pytest.fixture
def layer() -> Doubled:
    torch.manual_seed(0)
    layer = Doubled()
    assert check(layer) == 1
    return layer


def test_it_is_made_once(layer: Doubled) -> None:
    assert [check(layer) for _ in range(3)] == [0, 0, 0]


def test_another_key_takes_the_place_of_the_last(layer: Doubled) -> None:
    with torch.no_grad():
        for factor, made in ((3.0, 2), (3.0, 2), (2.0, 3), (3.0, 4)):
            torch.testing.assert_close(layer.times(factor), factor * layer.linear.weight)
            assert layer.made == made


def test_where_a_gradient_is_wanted_the_value_is_part_of_the_graph(layer: Doubled) -> None:
    layer(X).sum().backward()
    torch.testing.assert_close(layer.linear.weight.grad, (2 * X).expand(3, 2))
    torch.func.grad(lambda w: torch.func.functional_call(layer, {"linear.weight": w}, (X,)).sum())(
        layer.linear.weight.detach()
    )
    assert layer.made == 3
    assert check(layer) == 0


def optimise(layer: Doubled) -> None:
    layer.linear(X).sum().backward()
    torch.optim.SGD(layer.parameters(), lr=0.1).step()


def shared_memory(layer: Doubled) -> None:
    layer.linear.weight.detach().numpy()[0] += 1.0


def in_place(layer: Doubled) -> None:
    with torch.no_grad():
        layer.linear.weight.add_(1.0)


def other_memory(layer: Doubled) -> None:
    # the memory of the first value is free when the third one is made
    layer.linear.weight.data = torch.ones(3, 2)
    layer.linear.weight.data = torch.full((3, 2), 2.0)


def other_parameter(layer: Doubled) -> None:
    layer.linear.weight = nn.Parameter(torch.ones(3, 2))


CHANGES: dict[str, Callable[[Doubled], Any]] = {
    "optimiser": optimise,
    "in place": in_place,
    "data": lambda layer: layer.linear.weight.data.add_(1.0),
    "other memory": other_memory,
    "other parameter": other_parameter,
    "shared memory": shared_memory,
    "bias alone": lambda layer: layer.linear.bias.data.add_(1.0),
    "state_dict": lambda layer: layer.load_state_dict(
        {k: v + 1 for k, v in layer.state_dict().items()}
    ),
    "assigned state_dict": lambda layer: layer.load_state_dict(
        {k: v + 1 for k, v in layer.state_dict().items()}, assign=True
    ),
    "dtype": lambda layer: layer.to(torch.bfloat16),
    "dtype of the same numbers": lambda layer: layer.double(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_parameter_is_seen(change: str, layer: Doubled) -> None:
    CHANGES[change](layer)
    assert check(layer) == 1
    assert check(layer) == 0


def test_parameters_of_a_functional_call_are_seen(layer: Doubled) -> None:
    others = {k: v.detach() + 1 for k, v in layer.named_parameters()}
    with torch.no_grad():
        y = torch.func.functional_call(layer, others, (X,))
    torch.testing.assert_close(y, X @ (2 * others["linear.weight"]).T, rtol=0, atol=0)
    assert check(layer) == 1


def test_what_is_not_a_number_is_made_anew(layer: Doubled) -> None:
    layer.linear.bias.data[0] = torch.nan
    assert [check(layer), check(layer)] == [1, 1]


def test_values_made_in_inference_mode_serve_gradients(layer: Doubled) -> None:
    layer.requires_grad_(False)
    layer.kept.forget()
    with torch.inference_mode():
        layer(X)
    x = X.clone().requires_grad_()
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, 2 * layer.linear.weight.detach().sum(0, keepdim=True))
    assert layer.made == 2


def test_copies_and_pickles_hold_no_value(layer: Doubled) -> None:
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert check(other) == 1
        assert other.kept is not layer.kept
    assert check(layer) == 0
