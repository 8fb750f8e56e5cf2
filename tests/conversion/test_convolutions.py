"""Convolutional networks between torch, with channels first, and MLX, with channels last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
mx = pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)

import mlx.nn as mnn  # noqa: E402
from torch import nn  # noqa: E402

import ncps  # noqa: E402
from ncps.errors import ConversionError  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402

BOUNDS = TOLERANCES["float32"].values
X = np.random.default_rng(0).standard_normal((2, 12, 10, 3)).astype(np.float32)


def on_torch() -> Any:
    features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    middle = nn.Sequential(nn.Dropout(0.1), nn.Conv2d(8, 4, 3, stride=2, groups=2), nn.GELU())
    head = nn.Sequential(nn.Flatten(), nn.Linear(16, 7))
    return nn.Sequential(features, middle, head).eval()


def on_mlx() -> Any:
    model = mnn.Sequential(
        *(mnn.Conv2d(3, 8, 3), mnn.relu, mnn.AvgPool2d(2), mnn.ConvTranspose2d(8, 4, 3, stride=2)),
        ncps.create("GlobalAveragePool2D", technology="mlx"),
        mnn.Linear(4, 2),
    )
    model.eval()
    return model


def through(model: Any, x: Any = X) -> Any:
    """y of a model for x with channels last, which torch's own layers take first."""
    model.eval()
    if not isinstance(model, nn.Module):
        return np.array(model(mx.array(x)))
    first = any(type(m) is nn.Conv2d for m in model.children()) or any(
        type(m) is nn.Conv2d for part in model.children() for m in part.children()
    )
    ours = any(hasattr(m, "spec") for m in model.modules())
    given = torch.tensor(x).movedim(-1, 1) if first and not ours else torch.tensor(x)
    return model(given).detach().numpy()


def test_network_of_torch_goes_to_mlx_and_comes_back() -> None:
    start = on_torch()
    wanted = through(start)
    there = ncps.convert(start, "mlx")
    assert type(there.layers[0].layers[0]) is mnn.Conv2d
    np.testing.assert_allclose(through(there), wanted, **BOUNDS)
    back = ncps.convert(there, "torch")
    assert [type(m) for m in back.modules()] == [type(m) for m in start.modules()]
    np.testing.assert_allclose(through(back), wanted, **BOUNDS)


@pytest.mark.parametrize("framework", ["torch", "mlx"])
def test_network_of_torch_becomes_one_of_ncps_with_channels_last(framework: str) -> None:
    start = on_torch()
    there = ncps.convert(start, "ncps", framework=framework)
    np.testing.assert_allclose(through(there), through(start), **BOUNDS)


def test_network_of_mlx_becomes_one_of_ncps_on_torch() -> None:
    start = on_mlx()
    there = ncps.convert(start, "ncps", framework="torch")
    np.testing.assert_allclose(through(there), through(start), **BOUNDS)


def test_network_that_would_mix_the_two_orders_is_refused() -> None:
    with pytest.raises(ConversionError, match='convert with technology="ncps"'):
        ncps.convert(on_mlx(), "torch")


class Torch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 4, 3)
        self.pool = nn.AdaptiveAvgPool1d(1)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.head(self.drop(self.pool(self.conv(x.movedim(-1, 1)))).squeeze(-1))


class Mlx(mnn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = mnn.Conv1d(3, 4, 3)
        self.head = mnn.Linear(4, 2)

    def __call__(self, x: Any) -> Any:
        return self.head(mx.mean(self.conv(x), axis=1))


def test_models_of_users_need_not_agree_on_layers_without_parameters(tmp_path: Path) -> None:
    start = Torch().eval()
    there = ncps.convert(start, into=Mlx())
    x = X[:, 0]
    wanted = start(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(np.array(there(mx.array(x))), wanted, **BOUNDS)
    back = ncps.convert(there, into=Torch()).eval()
    np.testing.assert_allclose(back(torch.tensor(x)).detach().numpy(), wanted, **BOUNDS)
    path = tmp_path / "model.safetensors"
    ncps.save(start, path)
    assert set(ncps.load(path, framework="mlx")) == {"conv", "pool", "drop", "head"}
