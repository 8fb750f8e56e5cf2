"""ModuleList and ModuleDict on torch: submodules, modes, moving, training, conversion."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import ncps
from ncps.errors import SpecError
from ncps.testing import TOLERANCES

BOUNDS = TOLERANCES["float32"].values
DENSE = ("Dense", {"input_size": 3, "units": 4, "activation": "tanh"})
LSTM = ("LSTM", {"input_size": 4, "units": 5, "return_state": False})
NAMES = ("encoder", "type", "forward")


def made(layer: str, layers: Any, **options: Any) -> Any:
    return ncps.create(
        layer, technology="ncps", framework="torch", seed=1, layers=layers, **options
    )


class Net(nn.Module):
    """A model of someone's own that picks its layers by name."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = made("ModuleDict", dict(zip(NAMES, (DENSE, LSTM, DENSE), strict=True)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.parts["type"](self.parts["encoder"](x))
        return y


def test_submodules_are_named_as_in_torch() -> None:
    layers = made("ModuleList", [DENSE, LSTM])
    assert list(layers.state_dict())[:2] == ["0.linear.weight", "0.linear.bias"]
    assert layers[-1] is layers.get_submodule("1")
    assert [type(m).__name__ for m in layers[:1]] == ["Dense"]


def test_names_of_methods_are_names_like_any_other() -> None:
    net = Net()
    assert tuple(net.parts) == NAMES
    net.eval().double()
    assert not any(part.training for part in net.parts.values())
    assert net(torch.zeros(2, 7, 3, dtype=torch.float64)).dtype == torch.float64
    net.load_state_dict(copy.deepcopy(net).state_dict())


def test_call_of_the_collection_is_refused() -> None:
    with pytest.raises(SpecError, match="ModuleList expected its layers to be called one by one"):
        made("ModuleList", [DENSE])(torch.zeros(2, 3))


def test_layers_of_a_collection_train_in_a_model_and_compute_the_same_elsewhere() -> None:
    net = Net()
    optimiser = torch.optim.Adam(net.parameters(), 0.05)
    x = torch.randn(8, 6, 3, generator=torch.Generator().manual_seed(0))
    losses = []
    for _ in range(30):
        loss = (net(x)[:, -1, 0] - x[:, :, 0].mean(1)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 4
    reference = ncps.convert(net.parts, "numpy")
    y = reference["type"](reference["encoder"](x.numpy()))
    torch.testing.assert_close(torch.as_tensor(y).float(), net(x).detach(), **BOUNDS)


def test_collection_without_parameters_follows_its_model() -> None:
    layers = made("ModuleList", ["Flatten", ("Activation", {"activation": "silu"})])
    layers.to(torch.float64)
    assert layers.dtype == layers[1].dtype == "float64"
