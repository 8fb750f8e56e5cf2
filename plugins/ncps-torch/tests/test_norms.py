"""Normalisations and Embedding on torch: training, lazy buffers, torch's own files and modules."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import ncps
from ncps.errors import ConversionError, IndicesError, ShapeError
from ncps.neural import create_neural_backend
from ncps.testing import TOLERANCES

BOUNDS = TOLERANCES["float32"].values
MODULES = {
    "layer": lambda: nn.LayerNorm(6),
    "layer without bias": lambda: nn.LayerNorm(6, eps=1e-3, bias=False),
    "layer alone": lambda: nn.LayerNorm(6, elementwise_affine=False),
    "rms": lambda: nn.RMSNorm(6),
    "rms alone": lambda: nn.RMSNorm(6, eps=1e-3, elementwise_affine=False),
    "batch": lambda: nn.BatchNorm1d(6, eps=1e-3),
    "batch 2D": lambda: nn.BatchNorm2d(6, momentum=0.2),
    "batch 3D alone": lambda: nn.BatchNorm3d(6, affine=False),
    "group": lambda: nn.GroupNorm(2, 6),
    "embedding": lambda: nn.Embedding(9, 6),
    "embedding with padding": lambda: nn.Embedding(9, 6, padding_idx=3),
}


def made(layer: str, **options: object) -> nn.Module:
    return ncps.create(layer, technology="ncps", framework="torch", seed=1, **options)


def varied(module: nn.Module) -> nn.Module:
    """With values that are not the first ones."""
    torch.manual_seed(2)
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.3, 1.5)
    return module


def test_batch_norm_trains_as_torch_does() -> None:
    ours, own = made("BatchNorm", input_size=6, momentum=0.3), nn.BatchNorm1d(6, momentum=0.3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        x = torch.randn(4, 5, 6, generator=generator)
        torch.testing.assert_close(ours(x), own(x.movedim(-1, 1)).movedim(1, -1), **BOUNDS)
    for name in ("running_mean", "running_var"):
        torch.testing.assert_close(getattr(ours, name), getattr(own, name), **BOUNDS)


def test_moving_variance_follows_the_unbiased_one() -> None:
    layer = made("BatchNorm", input_size=1, momentum=1.0)
    layer(torch.tensor([[1.0], [2.0], [6.0]]))
    statistics = ncps.parameters(layer)
    assert statistics["moving_mean"] == pytest.approx(3.0)
    assert statistics["moving_variance"] == pytest.approx(7.0)


@pytest.mark.parametrize("places", [(3, 5), (1, 1), (2, 1, 2)], ids=str)
@pytest.mark.parametrize("asked", [False, True])
def test_group_norm_trains_on_images_whose_gradient_nobody_asks_for(
    places: tuple[int, ...], asked: bool
) -> None:
    shape = (2, *places, 6)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), requires_grad=asked)
    weight, bias = torch.linspace(1, 2, 6), torch.linspace(-1, 1, 6)
    parameters = [weight.requires_grad_(), bias.requires_grad_()]
    layer = made("GroupNorm", input_size=6, groups=2)
    norm = create_neural_backend("torch").functional.group_norm
    layer.weight.data, layer.bias.data = weight.detach(), bias.detach()
    expected = functional.group_norm(x.detach().flatten(1, -2).mT, 2, *parameters).mT.reshape(shape)
    wanted = torch.autograd.grad(expected.square().sum(), parameters)
    for y, own in (
        (layer(x), [layer.weight, layer.bias]),
        (norm(x, 2, *parameters), parameters),
    ):
        torch.testing.assert_close(y, expected)
        torch.testing.assert_close(
            torch.autograd.grad(y.square().sum(), own), wanted, **TOLERANCES["float32"].gradients
        )


def test_one_value_for_each_feature_cannot_train_but_infers() -> None:
    layer = made("BatchNorm", input_size=6)
    with pytest.raises(ShapeError, match="two values or more for each feature in training"):
        layer(torch.zeros(1, 6))
    assert layer.eval()(torch.zeros(1, 6)).shape == (1, 6)


def test_moving_statistics_are_buffers() -> None:
    layer = made("BatchNorm", input_size=6)
    assert [n for n, _ in layer.named_parameters()] == ["weight", "bias"]
    assert [n for n, _ in layer.named_buffers()] == ["running_mean", "running_var"]


def test_lazy_batch_norm_keeps_dtype_and_builds_buffers() -> None:
    layer = made("BatchNorm").to(torch.float64)
    layer(torch.randn(4, 3, dtype=torch.float64))
    assert layer.running_var.shape == (3,)
    assert {t.dtype for t in layer.state_dict().values()} == {torch.float64}


@pytest.mark.parametrize(
    ("layer", "options", "own"),
    [
        ("BatchNorm", {}, nn.BatchNorm1d(6)),
        ("GroupNorm", {"groups": 2}, nn.GroupNorm(2, 6)),
        ("LayerNorm", {}, nn.LayerNorm(6)),
        ("RMSNorm", {}, nn.RMSNorm(6)),
    ],
)
def test_file_of_torch_loads_into_a_layer_that_is_not_built(
    layer: str, options: dict, own: nn.Module
) -> None:
    varied(own)
    ours = made(layer, **options)
    ours.load_state_dict(own.state_dict())
    assert ours.spec.input_size == 6
    for name, tensor in ours.state_dict().items():
        assert torch.equal(tensor, own.state_dict()[name])


@pytest.mark.parametrize("name", MODULES)
def test_own_module_means_a_spec_and_comes_back(name: str) -> None:
    own = varied(MODULES[name]())
    own.train()
    spec, parameters = ncps.from_native(own)
    again = ncps.to_native(spec, parameters, "torch")
    assert repr(again).replace("1.1920928955078125e-07", "None") == repr(own)
    state = again.state_dict()
    assert list(state) == list(own.state_dict())
    assert all(torch.equal(state[n], t) for n, t in own.state_dict().items())
    converted = ncps.convert(own, "numpy")
    assert own.training, "verifying must leave the mode alone"
    x = spec.example(np.random.default_rng(3))
    second = isinstance(own, (nn.GroupNorm, nn.modules.batchnorm._BatchNorm))
    given = torch.from_numpy(x)
    y = own.eval()(given.movedim(-1, 1) if second else given).detach()
    np.testing.assert_allclose(y.movedim(1, -1) if second else y, converted(x), **BOUNDS)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.LayerNorm((3, 6)), "over the last axis, got normalized_shape (3, 6)"),
        (nn.BatchNorm1d(6, track_running_stats=False), "that keeps running statistics"),
        (nn.BatchNorm1d(6, momentum=None), "with a momentum, got one that averages all batches"),
        (nn.Embedding(9, 6, max_norm=1.0), "as a plain table, got one with max_norm"),
    ],
)
def test_module_that_no_spec_describes_is_refused(module: nn.Module, message: str) -> None:
    with pytest.raises(ConversionError, match=re.escape(message)):
        ncps.from_native(module)


@pytest.mark.parametrize(
    ("layer", "options", "message"),
    [
        ("BatchNorm", {"center": False}, "scale and center both, or neither"),
        ("LayerNorm", {"scale": False}, "no center without scale"),
        ("BatchNorm", {"rank": 6}, "it takes 2 to 5 axes, not 6"),
    ],
)
def test_spec_that_torch_has_no_module_for_is_refused(
    layer: str, options: dict, message: str
) -> None:
    made_ = made(layer, input_size=6, **options)
    with pytest.raises(ConversionError, match=message):
        ncps.to_native(made_.spec, ncps.parameters(made_), "torch")


@pytest.mark.parametrize("x", [[0, 9], [-1], [0.5], [True]])
def test_index_that_is_no_row_raises(x: list) -> None:
    with pytest.raises(IndicesError, match="Embedding expected indices"):
        made("Embedding", vocabulary_size=9, units=4)(torch.tensor(x))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_indices_come_in_any_integer_dtype(dtype: torch.dtype) -> None:
    layer = made("Embedding", vocabulary_size=9, units=4)
    assert torch.equal(layer(torch.tensor([3, 8], dtype=dtype)), layer.weight[[3, 8]])


def test_padding_row_gets_no_gradient() -> None:
    layer = made("Embedding", vocabulary_size=4, units=2, padding_index=1)
    layer(torch.tensor([0, 1, 1, 2])).sum().backward()
    assert layer.weight.grad.sum(1).tolist() == [2.0, 0.0, 2.0, 0.0]


def test_norms_follow_autocast_as_torch_does() -> None:
    x = torch.randn(4, 6)
    with torch.autocast("cpu", torch.bfloat16):
        y, own = made("LayerNorm")(x), nn.LayerNorm(6)(x)
    assert y.dtype == own.dtype
