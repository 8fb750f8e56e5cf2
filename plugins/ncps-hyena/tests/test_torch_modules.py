"""The layers on torch as torch's modules: dropout, options, parts, checkpoints, copies."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hyena_layers import LAYERS, Made, changed_data, close
from torch import nn
from torch.nn.parameter import is_lazy

import ncps
from ncps import specs
from ncps.errors import SpecError
from ncps_hyena.torch import HyenaBlock, HyenaDNA, HyenaOperator


@pytest.fixture(params=LAYERS)
def made(request: pytest.FixtureRequest) -> Made:
    torch.manual_seed(0)
    return LAYERS[request.param]()


def test_dropout_strikes_in_training_alone_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    layer = HyenaOperator(8, 64, dropout=0.5, seed=0)
    x = torch.randn(64, 64, 8)
    with torch.no_grad():
        many = torch.stack([layer(x) for _ in range(30)])
        layer.eval()
        whole = layer(x)
        torch.testing.assert_close(layer(x), whole, rtol=0, atol=0)
    assert not torch.equal(many[0], many[1])
    spread = many.std(dim=0).mean() / len(many) ** 0.5
    assert (many.mean(dim=0) - whole).mean().abs() < spread
    assert spread > 0


def test_options_that_are_no_sizes_go_by_name() -> None:
    layer = HyenaOperator(4, 16, order=3)
    assert layer.spec == specs.from_config(
        {"schema": 1, "layer": "HyenaOperator", "input_size": 4, "l_max": 16, "order": 3}
    )
    assert HyenaDNA(16, 8, 2, head="lm").spec.head == "lm"
    assert HyenaBlock(replace(HyenaBlock(4, 16).spec, l_max=8)).spec.l_max == 8
    with pytest.raises(SpecError, match="at most the sizes input_size, l_max without a name"):
        HyenaOperator(4, 16, 3)


def test_linear_maps_and_norms_are_torchs_and_know_their_sizes() -> None:
    layer = ncps.create("HyenaBlock", l_max=8, technology="hyena", framework="torch")
    assert all(is_lazy(p) for p in layer.parameters())
    layer(torch.zeros(1, 3, 6))
    inner = layer.operator
    assert inner.spec.input_size == 6
    assert (layer.mlp.up.in_features, layer.mlp.up.out_features) == (6, 24)
    assert (inner.value.linear.in_features, inner.output.out_features) == (6, 6)
    assert layer.norm_1.normalized_shape == (6,)
    assert isinstance(layer.mlp.down, nn.Linear)
    assert isinstance(layer.norm_2, nn.LayerNorm)
    with torch.no_grad():
        close(inner(torch.ones(1, 3, 6)), layer.operator.step(torch.ones(1, 3, 6))[0])


@pytest.mark.parametrize("name", ["HyenaOperator", "HyenaBlock"])
def test_a_checkpoint_builds_a_layer_without_a_size(name: str) -> None:
    make: dict[str, Any] = {"l_max": 8, "technology": "hyena", "framework": "torch"}
    whole, lazy = ncps.create(name, input_size=5, seed=1, **make), ncps.create(name, **make)
    lazy.load_state_dict(whole.state_dict())
    x = torch.randn(1, 8, 5)
    torch.testing.assert_close(lazy(x), whole(x), rtol=0, atol=0)
    assert lazy.spec == whole.spec


def test_copies_and_pickles_are_layers_of_their_own(made: Made) -> None:
    layer, x = made
    with torch.no_grad():
        expected = layer(x)
        for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            torch.testing.assert_close(other(x), expected, rtol=0, atol=0)
            changed_data(other)
            assert not torch.equal(other(x), expected)
        torch.testing.assert_close(layer(x), expected, rtol=0, atol=0)


def test_tables_are_no_part_of_a_state_dict(made: Made) -> None:
    layer, x = made
    layer(x)
    assert set(layer.state_dict()) == {name for name, _ in layer.named_parameters()}


@pytest.mark.parametrize("pooling", ["mean", "last", "first", "sum"])
def test_a_sequence_without_a_real_step_pools_to_nothing(pooling: str) -> None:
    layer = HyenaDNA(
        8, 4, 1, head="classification", classes=3, pooling=pooling, head_bias=False, seed=0
    )
    mask = torch.tensor([[True] * 8, [False] * 8])
    y = layer(torch.ones(2, 8, dtype=torch.long), mask=mask)
    y.sum().backward()
    assert y[1].eq(0).all()
    assert y[0].ne(0).all()
    assert all(p.grad is None or np.isfinite(p.grad.numpy()).all() for p in layer.parameters())
