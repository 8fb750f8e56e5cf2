"""Containers on torch: submodules, building, moving, files, training."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import ncps
from ncps.testing import TOLERANCES

BOUNDS = TOLERANCES["float32"].values
LAYERS = [("Dense", {"units": 4, "activation": "tanh"}), ("LSTM", {"units": 5}), ("LayerNorm", {})]


def made(layer: str, **options: object) -> nn.Module:
    return ncps.create(layer, technology="ncps", framework="torch", seed=1, **options)


def test_submodules_are_named_as_in_torch() -> None:
    model = made("Sequential", layers=LAYERS, input_size=3)
    assert len(model) == 3
    assert [type(m).__name__ for m in model] == ["Dense", "LSTM", "LayerNorm"]
    assert model[-1] is model.get_submodule("2")
    assert "0.linear.weight" in model.state_dict()


def test_model_is_cast_before_it_is_built() -> None:
    model = made("Sequential", layers=[*LAYERS, ("Activation", {"activation": "silu"})])
    model.to(torch.float64)
    y, (h, c) = model(torch.zeros(2, 7, 3, dtype=torch.float64))
    assert {y.dtype, h.dtype, c.dtype} == {torch.float64}
    assert {p.dtype for p in model.parameters()} == {torch.float64}
    assert all(member.built for member in model)


def test_saved_tensors_build_a_model_that_is_not_built() -> None:
    source = made("Sequential", layers=LAYERS, input_size=3)
    model = made("Sequential", layers=LAYERS)
    model.load_state_dict(source.state_dict())
    x = torch.randn(2, 7, 3)
    torch.testing.assert_close(model(x)[0], source(x)[0], rtol=0, atol=0)


def test_model_trains_with_an_optimiser_of_torch() -> None:
    torch.manual_seed(0)
    words = [
        ("Embedding", {"vocabulary_size": 9, "units": 6}),
        ("Residual", {"inner": ("GRU", {"units": 6})}),
    ]
    model = made("Sequential", layers=[*words, ("Dense", {"units": 9})], return_state=False)
    optimiser = torch.optim.Adam(model.parameters(), 0.05)
    x = torch.randint(0, 9, (8, 12))
    losses = []
    for _ in range(40):
        loss = nn.functional.cross_entropy(model(x)[:, 1:].flatten(0, 1), x[:, :-1].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 4


def test_copy_computes_the_same_and_is_another_model() -> None:
    model = made("Bidirectional", inner=("LSTM", {"units": 4}), input_size=3)
    other = copy.deepcopy(model)
    x = torch.randn(2, 5, 3)
    torch.testing.assert_close(other(x)[0], model(x)[0], rtol=0, atol=0)
    with torch.no_grad():
        next(other.parameters()).add_(1.0)
    assert not torch.equal(other(x)[0], model(x)[0])


def test_batch_statistics_inside_a_container_move_and_are_saved(tmp_path: Path) -> None:
    model = made("Sequential", layers=[("Dense", {"units": 4}), ("BatchNorm", {})], input_size=3)
    model(torch.randn(8, 3) + 2.0)
    moved = ncps.parameters(model)["1.moving_mean"]
    assert np.abs(moved).min() > 0
    ncps.save(model, tmp_path / "model.safetensors")
    again = ncps.load(tmp_path / "model.safetensors", technology="ncps", framework="torch")
    np.testing.assert_array_equal(ncps.parameters(again)["1.moving_mean"], moved)


def test_model_exports_and_compiles_like_a_module_of_torch() -> None:
    model = made("Sequential", layers=LAYERS, input_size=3, return_state=False).eval()
    x = torch.randn(2, 4, 3)
    exported = torch.export.export(model, (x,)).module()
    torch.testing.assert_close(exported(x), model(x), **BOUNDS)


def test_container_is_one_layer_of_a_larger_model() -> None:
    net = nn.Sequential(nn.Linear(3, 4), made("Sequential", layers=LAYERS, input_size=4))
    found = ncps.canonical.leaves(net)
    assert list(found) == ["0", "1"]
    x = torch.randn(2, 7, 3)
    reference = ncps.convert(net[1], "numpy")
    y, _ = net(x)
    np.testing.assert_allclose(reference(net[0](x).detach())[0], y.detach(), **BOUNDS)


@pytest.mark.parametrize(
    ("layer", "options"),
    [("Sequential", {"layers": LAYERS}), ("LSTM", {"units": 5, "num_layers": 2})],
)
def test_each_parameter_is_drawn_once(layer, options, monkeypatch):
    draws = []
    generator = np.random.default_rng

    def counted(seed):
        draws.append(seed)
        return generator(seed)

    monkeypatch.setattr(np.random, "default_rng", counted)
    model = made(layer, input_size=3, **options)
    assert len(draws) == len(model.spec.parameters())
