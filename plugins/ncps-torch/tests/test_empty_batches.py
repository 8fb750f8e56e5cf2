"""A batch without a row has outputs and gradients, whichever kernel computes them."""

from __future__ import annotations

import pytest
import torch

import ncps
from ncps.wirings import AutoNCP
from ncps_torch.kernels._links import Bag

LAYERS = {
    "CfC": ("CfC", {"units": 4}),
    "CfC, pure": ("CfC", {"units": 4, "mode": "pure"}),
    "CfC without a backbone": ("CfC", {"units": 4, "backbone_layers": 0}),
    "CfC, wired": ("CfC", {"units": AutoNCP(12, 4, seed=0)}),
    "CfC, mixed memory": ("CfC", {"units": 4, "mixed_memory": True}),
    "CTRNN": ("CTRNN", {"units": 4}),
    "ELTC": ("ELTC", {"units": 4}),
    "ELTC, wired": ("ELTC", {"units": AutoNCP(12, 4, seed=0)}),
    "GRU": ("GRU", {"units": 4}),
    "LSTM": ("LSTM", {"units": 4}),
    "LTC": ("LTC", {"units": 4}),
    "LTC, wired": ("LTC", {"units": AutoNCP(12, 4, seed=0)}),
    "LTC, mixed memory": ("LTC", {"units": AutoNCP(12, 4, seed=0), "mixed_memory": True}),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("steps", [1, 9])
@pytest.mark.parametrize("name", LAYERS)
def test_no_rows_have_outputs_and_gradients(name, steps, masked):
    kind, options = LAYERS[name]
    layer = ncps.create(kind, technology="ncps", framework="torch", input_size=3, seed=0, **options)
    x = torch.zeros(0, steps, 3, requires_grad=True)
    y, _ = layer(x, mask=torch.zeros(0, steps, dtype=torch.bool) if masked else None)
    assert y.shape == (0, steps, 4)
    y.sum().backward()
    assert x.grad.shape == x.shape
    found = [p.grad for p in layer.parameters() if p.grad is not None]
    assert found
    assert not any(gradient.any() for gradient in found)


@pytest.mark.parametrize("name", ["ELTC", "ELTC, wired", "LTC", "LTC, wired", "LTC, mixed memory"])
def test_no_rows_take_no_sums_over_lists(name, monkeypatch):
    # torch's own go astray there, now and then, by what lies in memory
    def refused(*_):
        raise AssertionError("a list of synapses was summed")

    monkeypatch.setattr(Bag, "__call__", refused)
    kind, options = LAYERS[name]
    layer = ncps.create(kind, technology="ncps", framework="torch", input_size=3, seed=0, **options)
    assert layer(torch.zeros(0, 9, 3))[0].shape == (0, 9, 4)
    with pytest.raises(AssertionError, match="a list of synapses"):
        layer(torch.zeros(64, 9, 3))
