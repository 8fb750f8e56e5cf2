"""A mixed module is a module of its host: trained, saved, copied, cast, frozen as any other."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import mixed_pairs as pairs
import numpy as np
import pytest

import ncps
from ncps import mixed, specs
from ncps.testing import TOLERANCES

torch = pytest.importorskip("torch")
mx = pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)

import mlx.nn as mnn  # noqa: E402
import mlx.optimizers as mo  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402
from torch import nn  # noqa: E402

BOUNDS = TOLERANCES["float32"].values
TARGET = np.tanh(pairs.X.sum(-1, keepdims=True).cumsum(1)).astype(np.float32)


class TorchModel(nn.Module):
    """A layer of torch's after a layer from elsewhere."""

    def __init__(self, recurrent: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.recurrent, self.head = recurrent, nn.Linear(4, 1)

    def forward(self, x: Any, spans: Any) -> Any:
        return self.head(self.recurrent(x, timespans=spans)[0])


class MlxModel(mnn.Module):
    """The same of MLX."""

    def __init__(self, recurrent: Any) -> None:
        super().__init__()
        mx.random.seed(0)
        self.recurrent, self.head = recurrent, mnn.Linear(4, 1)

    def __call__(self, x: Any, spans: Any) -> Any:
        return self.head(self.recurrent(x, timespans=spans)[0])


def torch_curve(recurrent: Any) -> list[float]:
    model, losses = TorchModel(recurrent), []
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x, spans, target = map(torch.tensor, (pairs.X, pairs.SPANS, TARGET))
    for _ in range(20):
        optimizer.zero_grad()
        loss = (model(x, spans) - target).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def mlx_curve(recurrent: Any) -> list[float]:
    model, losses = MlxModel(recurrent), []
    optimizer = mo.Adam(learning_rate=1e-2)
    x, spans, target = map(mx.array, (pairs.X, pairs.SPANS, TARGET))
    step = mnn.value_and_grad(model, lambda: (model(x, spans) - target).square().mean())
    for _ in range(20):
        loss, gradients = step()
        optimizer.update(model, gradients)
        losses.append(loss.item())
    return losses


def test_loss_curve_of_twenty_steps_is_that_of_one_technology(host: str, guest: str) -> None:
    layer = pairs.layer(guest)
    before = ncps.parameters(layer)
    curve = torch_curve if host == "torch" else mlx_curve
    expected = curve(ncps.convert(layer, framework=host))
    module = mixed.wrap(layer, host)
    got = curve(module)
    np.testing.assert_allclose(got, expected, **TOLERANCES["float32"].gradients)
    assert got[-1] < 0.8 * got[0]
    # the module was trained, the layer that it came from was not
    for name, value in ncps.parameters(layer).items():
        np.testing.assert_array_equal(value, before[name])
        assert not np.array_equal(ncps.parameters(module)[name], value)


def test_conversion_and_comparison_read_a_mixed_module(host: str, guest: str) -> None:
    layer = pairs.layer(guest)
    module = mixed.wrap(layer, host)
    assert ncps.compare(layer, module).within
    for name, value in ncps.parameters(ncps.convert(module, "numpy")).items():
        np.testing.assert_array_equal(value, ncps.parameters(layer)[name])


def test_mixed_module_is_saved_and_loaded_by_ncps(host: str, guest: str, tmp_path: Path) -> None:
    module = mixed.wrap(pairs.layer(guest), host)
    ncps.save(module, tmp_path / "m.safetensors")
    assert ncps.compare(module, ncps.load(tmp_path / "m.safetensors", framework=host)).within


def test_copies_and_pickles_compute_the_same_apart(host: str, guest: str) -> None:
    module = mixed.wrap(pairs.layer(guest), host)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert ncps.compare(module, other).within
        ncps.load_parameters(other, {n: v + 1 for n, v in ncps.parameters(other).items()})
        assert not ncps.compare(module, other).within


def test_a_sequence_may_be_split_and_its_state_carried(host: str, guest: str) -> None:
    module = mixed.wrap(pairs.layer(guest), host)
    array = torch.tensor if host == "torch" else mx.array
    x, spans = array(pairs.X), array(pairs.SPANS)
    whole = pairs.numbers(module, module(x, timespans=spans))
    _, state = module(x[:, :2], timespans=spans[:, :2])
    rest = pairs.numbers(module, module(x[:, 2:], state, spans[:, 2:]))
    np.testing.assert_allclose(rest[0], whole[0][:, 2:], **BOUNDS)
    np.testing.assert_allclose(rest[1], whole[1], **BOUNDS)


def test_container_converts_by_its_members() -> None:
    members = [specs.Dense(units=4), specs.GRU(units=4)]
    layer = pairs.layer("mlx", "Sequential", layers=members)
    module = mixed.wrap(layer, "torch")
    assert ncps.compare(layer, module).within


def test_state_dict_of_torch_brings_the_parameters_back() -> None:
    module = mixed.wrap(pairs.layer("mlx"), "torch")
    other = mixed.wrap(pairs.layer("mlx", units=module.spec.wiring), "torch")
    ncps.load_parameters(other, {n: v * 0 for n, v in ncps.parameters(other).items()})
    other.load_state_dict(module.state_dict())
    assert ncps.compare(module, other).within


def test_weights_file_of_mlx_brings_the_parameters_back(tmp_path: Path) -> None:
    module, other = (mixed.wrap(pairs.layer("torch"), "mlx") for _ in range(2))
    ncps.load_parameters(other, {n: v * 0 for n, v in ncps.parameters(other).items()})
    module.save_weights(str(tmp_path / "m.safetensors"))
    other.load_weights(str(tmp_path / "m.safetensors"))
    assert ncps.compare(module, other).within


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_cast_module_computes_in_its_new_dtype(dtype: str) -> None:
    module = mixed.wrap(pairs.layer("mlx"), "torch").to(getattr(torch, dtype))
    expected = pairs.layer("torch").to(getattr(torch, dtype))
    x = torch.tensor(pairs.X)
    y, state = module(x)
    y.sum().backward()
    assert module.dtype == dtype
    assert y.dtype == state.dtype == next(module.parameters()).grad.dtype == x.to(y.dtype).dtype
    bounds = TOLERANCES[dtype].values
    np.testing.assert_allclose(
        *pairs.numbers(module, (y.float(), expected(x)[0].float())), **bounds
    )


def test_frozen_parameters_get_no_gradient_and_the_guest_is_not_asked() -> None:
    module = mixed.wrap(pairs.layer("mlx"), "torch")
    names = [name for name, _ in module.named_parameters()]
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(name == names[0])
    y, _ = module(torch.tensor(pairs.X))
    y.sum().backward()
    assert [p.grad is None for p in module.parameters()] == [n != names[0] for n in names]
    module.requires_grad_(False)
    assert not module(torch.tensor(pairs.X))[0].requires_grad


def test_layer_frozen_before_stays_frozen() -> None:
    layer = pairs.layer("torch")
    layer.requires_grad_(False)
    module = mixed.wrap(layer, "mlx")
    assert tree_flatten(module.trainable_parameters()) == []
    assert ncps.compare(layer, module).within


def test_dropout_is_the_same_in_both_directions_of_a_step() -> None:
    layer = pairs.layer("mlx", units=8, backbone_units=32, backbone_dropout=0.5)
    module, x = mixed.wrap(layer, "torch"), torch.tensor(pairs.X)
    weight = next(p for p in module.parameters() if p.ndim == 2)
    mx.random.seed(1)
    module(x)[0].sum().backward()
    found = weight.grad.flatten()
    step = 1e-2 * found / found.norm()
    with torch.no_grad():
        values = []
        for sign in (1, -1):
            weight += sign * step.view_as(weight)
            mx.random.seed(1)
            values.append(module(x)[0].sum().item())
            weight -= sign * step.view_as(weight)
    assert (values[0] - values[1]) / 2e-2 == pytest.approx(found.norm().item(), rel=2e-2)
    module.eval()
    assert torch.equal(module(x)[0], module(x)[0])


def test_arrays_of_the_host_stay_as_they_were(host: str, guest: str) -> None:
    module = mixed.wrap(pairs.layer(guest), host)
    before = ncps.parameters(module)
    inputs = {"x": pairs.X.copy(), "timespans": pairs.SPANS.copy()}
    pairs.gradients(module, inputs)
    np.testing.assert_array_equal(inputs["x"], pairs.X)
    for name, value in ncps.parameters(module).items():
        np.testing.assert_array_equal(value, before[name])


def test_writing_into_outputs_of_a_torch_module_leaves_the_guest_alone() -> None:
    module, x = mixed.wrap(pairs.layer("mlx"), "torch").eval(), torch.tensor(pairs.X)
    with torch.no_grad():
        y, state = module(x)
        kept = state.clone()
        y.zero_()
        assert torch.equal(state, kept)
        assert torch.equal(module(x)[1], kept)
