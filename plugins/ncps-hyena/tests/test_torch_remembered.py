"""A remembered value on torch is never stale, whatever way a parameter changes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ncps_hyena.torch.ops import Remembered

X = torch.tensor([[1.0, -2.0]])


class Doubled(nn.Module):
    """x times twice the weight, and the twice is remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 3)
        self.remembered: Remembered[Tensor] = Remembered()
        self.made = 0

    def _twice(self) -> Tensor:
        self.made += 1
        return 2 * self.linear.weight

    def forward(self, x: Tensor) -> Tensor:
        twice = self.remembered([self.linear.weight, self.linear.bias], self._twice)
        return x.to(twice.dtype) @ twice.T


def check(layer: Doubled) -> int:
    """What the layer gives is what its weight is now; how often it was made for that."""
    before = layer.made
    weight = layer.linear.weight.detach()
    torch.testing.assert_close(layer(X), X.to(weight.dtype) @ (2 * weight).T, rtol=0, atol=0)
    return layer.made - before


@pytest.fixture
def layer() -> Doubled:
    torch.manual_seed(0)
    layer = Doubled()
    assert check(layer) == 1
    return layer


def test_it_is_made_once(layer: Doubled) -> None:
    assert [check(layer) for _ in range(3)] == [0, 0, 0]


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
    y = torch.func.functional_call(layer, others, (X,))
    torch.testing.assert_close(y, X @ (2 * others["linear.weight"]).T, rtol=0, atol=0)
    assert check(layer) == 1


def test_what_is_not_a_number_is_made_anew(layer: Doubled) -> None:
    layer.linear.bias.data[0] = torch.nan
    assert [check(layer), check(layer)] == [1, 1]


def test_values_made_in_inference_mode_serve_gradients(layer: Doubled) -> None:
    layer.remembered.forget()
    with torch.inference_mode():
        layer(X)
    x = X.clone().requires_grad_()
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, 2 * layer.linear.weight.detach().sum(0, keepdim=True))
    assert layer.made == 2


def test_copies_and_pickles_hold_no_value(layer: Doubled) -> None:
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert check(other) == 1
        assert other.remembered is not layer.remembered
    assert check(layer) == 0
