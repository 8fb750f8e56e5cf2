"""The technology `torch`: torch's own layers behind the contract."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import ncps
from ncps import canonical, specs
from ncps.errors import PluginError, SpecError
from ncps.testing import TOLERANCES
from ncps_torch import layers
from ncps_torch.layers import stock

INNER = {
    "GRU": ("gru", nn.GRU),
    "GRUCell": ("gru", nn.GRUCell),
    "LSTM": ("lstm", nn.LSTM),
    "LSTMCell": ("lstm", nn.LSTMCell),
    "RNN": ("rnn", nn.RNN),
    "RNNCell": ("rnn", nn.RNNCell),
}


@pytest.mark.parametrize("name", INNER)
def test_technologies_give_our_layers_and_the_stock_ones(name):
    options = {"input_size": 3, "units": 2}
    ours = ncps.create(name, technology="ncps", framework="torch", **options)
    stocks = ncps.create(name, technology="torch.nn", **options)
    assert type(ours) is getattr(layers, name)
    assert type(stocks) is getattr(stock, name)
    inner, cls = INNER[name]
    assert type(getattr(stocks, inner)) is cls


@pytest.mark.parametrize("name", ["RNN", "RNNCell"])
def test_stock_rnn_has_the_activation_of_its_spec(name):
    layer = ncps.create(name, technology="torch.nn", input_size=3, units=2, activation="relu")
    assert layer.rnn.nonlinearity == "relu"


@pytest.mark.parametrize("name", ["GRU", "GRUCell"])
def test_stock_gru_refuses_the_reset_before_the_product_and_ours_takes_it(name):
    options = {"input_size": 3, "units": 4, "reset_after": False}
    with pytest.raises(PluginError, match=r"torch\.nn\.GRU has reset_after=True only; technology"):
        ncps.create(name, technology="torch.nn", **options)
    with pytest.raises(SpecError, match=r"torch\.nn\.GRU has reset_after=True only"):
        getattr(stock, name)(specs.build(name, **options))
    assert ncps.create(name, technology="ncps", framework="torch", **options).spec.units == 4


def test_both_biases_of_a_trained_stock_gru_reach_our_layer():
    spec = specs.GRU(input_size=3, units=4, num_layers=2, bidirectional=True)
    theirs = stock.GRU(spec, seed=0)
    with torch.no_grad():
        for p in theirs.parameters():
            p.uniform_(-1, 1)
    ours = layers.GRU(spec, seed=1)
    canonical.load_parameters(ours, canonical.parameters(theirs))
    x = torch.linspace(-1, 1, 30).reshape(2, 5, 3)
    wanted, got = (layer(x)[0].detach().numpy() for layer in (theirs, ours))
    np.testing.assert_allclose(got, wanted, **TOLERANCES["float32"].values)


def test_parameter_map_refuses_the_spec_of_another_layer():
    with pytest.raises(TypeError, match="expected the spec of a GRU, got CfC"):
        stock.GRU.parameter_map(specs.CfC(input_size=3, units=4))
