"""Keras' own layers, and models of Keras, between Keras, torch, MLX and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
mx = pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)
pytest.importorskip("ncps_keras")
keras = pytest.importorskip("keras")

import mlx.nn as mnn  # noqa: E402
from torch import nn  # noqa: E402

import ncps  # noqa: E402
from ncps import registry, specs  # noqa: E402
from ncps.errors import ConversionError  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402
from ncps.testing._variants import broad  # noqa: E402
from ncps.wirings import AutoNCP  # noqa: E402

L = keras.layers
BOUNDS = TOLERANCES["float32"].values
X = np.random.default_rng(0).standard_normal((2, 7, 4)).astype(np.float32)
OUT = ("Dense", {"input_size": 3, "units": 2})


def ready(layer: Any) -> Any:
    """Built for 4 features; the biases have values, so that they count."""
    layer.build((None, None, 4))
    rng = np.random.default_rng(1)
    for variable in layer.weights:
        variable.assign(rng.uniform(-0.5, 0.5, tuple(variable.shape)).astype(np.float32))
    return layer


OWN: dict[str, Callable[[], Any]] = {
    "Dense": lambda: L.Dense(3),
    "Dense with tanh": lambda: L.Dense(3, activation="tanh"),
    "LSTM": lambda: L.LSTM(5, return_sequences=True, return_state=True),
    "LSTM, last step": lambda: L.LSTM(5),
    "GRU": lambda: L.GRU(5),
    "GRU, reset before": lambda: L.GRU(5, reset_after=False),
    "SimpleRNN": lambda: L.SimpleRNN(5, activation="relu"),
    "Bidirectional": lambda: L.Bidirectional(L.GRU(5)),
}


def close(got: Any, expected: Any) -> None:
    np.testing.assert_allclose(as_numpy(got), as_numpy(expected), **BOUNDS)


def as_numpy(value: Any) -> Any:
    home = next(name for name in ("mlx", "torch", "keras") if name_of(value, name))
    return registry.arrays(home).numpy(value)


def name_of(value: Any, framework: str) -> bool:
    classes = {"mlx": mx.array, "torch": torch.Tensor, "keras": object}
    return isinstance(value, classes[framework])


@pytest.mark.parametrize("framework", ["torch", "mlx", "numpy", "keras"])
@pytest.mark.parametrize("name", OWN)
def test_layer_of_keras_goes_everywhere_and_comes_back(name: str, framework: str) -> None:
    start = ready(OWN[name]())
    there = ncps.convert(start, framework)
    assert ncps.compare(start, there).within
    back = ncps.convert(there, "keras")
    assert ncps.compare(start, back).within
    values, again = (ncps.from_native(layer)[1] for layer in (start, back))
    for key, value in values.items():
        np.testing.assert_array_equal(again[key], value)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: nn.Linear(4, 3), "Dense"),
        (lambda: nn.LSTM(4, 5, bidirectional=True), "Bidirectional"),
        (lambda: nn.GRU(4, 5, batch_first=True), "GRU"),
        (lambda: nn.RNN(4, 5, nonlinearity="relu"), "SimpleRNN"),
        (lambda: nn.GRUCell(4, 5), "GRUCell"),
        (lambda: mnn.Linear(4, 3, bias=False), "Dense"),
        (lambda: mnn.LSTM(4, 5), "LSTM"),
        (lambda: mnn.RNN(4, 5), "SimpleRNN"),
    ],
)
def test_own_layer_of_torch_or_mlx_becomes_one_of_keras(make: Callable[[], Any], kind: str) -> None:
    start = make()
    there = ncps.convert(start, "keras")
    assert type(there) is getattr(L, kind)
    assert ncps.compare(start, there).within
    home = type(start).__module__.partition(".")[0]
    back = ncps.convert(there, home)
    assert type(back) is type(start)
    assert ncps.compare(start, back).within


def test_layer_that_keras_lacks_becomes_one_of_ncps() -> None:
    there = ncps.convert(nn.LSTM(4, 5, num_layers=2), "keras")
    assert there.framework == "keras"
    assert there.spec.num_layers == 2
    served = ncps.convert(ready(L.GRU(5)), "ncps", framework="keras")
    assert served.spec.return_sequences is False


def chain(*layers: Any) -> Any:
    return keras.Sequential([keras.Input((None, 4)), *layers])


def functional(*layers: Any) -> Any:
    inputs = x = keras.Input((None, 4))
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize("make", [chain, functional])
def test_chain_of_keras_computes_the_same_as_a_sequential_of_torch_and_mlx(make: Any) -> None:
    inner = keras.Sequential([L.LSTM(8, return_sequences=True), L.ReLU()])
    model = make(L.Dense(6), L.Activation("gelu"), inner, L.Bidirectional(L.GRU(3)), L.Dense(2))
    expected = model(X)
    on_torch = ncps.convert(model, "torch")
    assert isinstance(on_torch, nn.Sequential)
    close(on_torch(torch.from_numpy(X)), expected)
    on_mlx = ncps.convert(on_torch, "mlx")
    assert isinstance(on_mlx, mnn.Sequential)
    close(on_mlx(mx.array(X)), expected)
    back = ncps.convert(on_mlx, "keras")
    assert isinstance(back, keras.Sequential)
    close(back(X), expected)


def test_chain_of_mlx_comes_to_keras_with_its_own_layers() -> None:
    model = mnn.Sequential(mnn.Linear(4, 8), mnn.tanh, mnn.GRU(8, 5), mnn.Linear(5, 2))
    there = ncps.convert(model, "keras")
    assert [type(layer) for layer in there.layers] == [L.Dense, L.Activation, L.GRU, L.Dense]
    close(there(X), model(mx.array(X)))


class OnKeras(keras.Model):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        wiring = AutoNCP(12, 3)
        self.cfc = ncps.create("CfC", framework="keras", input_size=4, units=wiring, **options)
        self.heads = [L.Dense(2), L.Dense(1)]
        for head in self.heads:
            head.build((None, 3))

    def call(self, x: Any) -> Any:
        h = keras.ops.relu(self.cfc(x)[0])
        return keras.ops.concatenate([head(h) for head in self.heads], axis=-1)


class OnTorch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cfc = ncps.create("CfC", framework="torch", input_size=4, units=AutoNCP(12, 3))
        self.heads = nn.ModuleList([nn.Linear(3, 2), nn.Linear(3, 1)])

    def forward(self, x: Any) -> Any:
        h = torch.relu(self.cfc(x)[0])
        return torch.cat([head(h) for head in self.heads], dim=-1)


def test_model_of_the_user_gives_and_takes_parameters() -> None:
    trained, into = OnKeras(), OnTorch()
    assert ncps.convert(trained, into=into) is into
    expected = trained(X)
    close(into(torch.from_numpy(X)), expected)
    again = ncps.convert(into, into=OnKeras())
    close(again(X), expected)
    with pytest.raises(ConversionError, match=r"a OnKeras, whose code.*convert\(model, into=other"):
        ncps.convert(trained, "torch")


def test_saved_model_of_keras_is_read_back_layer_by_layer(tmp_path: Path) -> None:
    model = OnKeras()
    ncps.save(model, tmp_path / "m.safetensors")
    layers = ncps.load(tmp_path / "m.safetensors", technology="torch")
    assert list(layers) == ["cfc", "heads.0", "heads.1"]
    assert ncps.compare(model.cfc, layers["cfc"]).within
    assert ncps.compare(model.heads[0], layers["heads.0"]).within


class Kept(keras.Model):
    def __init__(self, seed: int) -> None:
        super().__init__()
        layers = {"cell": ("GRUCell", {"input_size": 4, "units": 3}), "type": OUT}
        self.parts = ncps.create("ModuleDict", framework="keras", layers=layers, seed=seed)


@pytest.mark.parametrize("framework", ["torch", "mlx"])
def test_layers_kept_together_by_name_go_along_with_their_model(framework: str) -> None:
    model, other = Kept(0), Kept(1)
    there = ncps.convert(model.parts, framework)
    assert list(there.keys()) == ["cell", "type"]
    assert ncps.compare(model.parts, there).within
    assert not ncps.compare(other.parts, there).within
    ncps.convert(model, into=other)
    assert ncps.compare(other.parts, there).within


def test_half_precision_goes_along() -> None:
    there = ncps.convert(nn.Linear(4, 3).bfloat16(), "keras")
    assert there.kernel.dtype == "bfloat16"
    assert ncps.convert(there, "torch").weight.dtype == torch.bfloat16
    assert ncps.convert(there, "mlx", dtype="float32").weight.dtype == mx.float32


@pytest.mark.parametrize("layer", sorted(specs.BUILTIN))
def test_layer_of_ncps_comes_back_from_the_ring_as_it_was(layer: str) -> None:
    """Of one case each; `test_ring.py` has all of them, without Keras."""
    start = ncps.create(broad(layer)[0].spec(), technology="ncps", framework="torch", seed=1)
    here = start
    for technology in ("mlx", "keras", "numpy", "torch"):
        here = ncps.convert(here, technology)
        assert registry.provider_of(here).framework == technology
    assert here.spec == start.spec
    before, after = ncps.parameters(start), ncps.parameters(here)
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


def test_nested_model_goes_around_the_ring_and_is_what_it_was() -> None:
    x = np.random.default_rng(0).standard_normal((2, 7, 3)).astype(np.float32)
    circuit = ncps.create("CfC", "mlx", input_size=8, units=AutoNCP(16, 4), return_state=False)
    inner = mnn.Sequential(mnn.Linear(4, 6), mnn.ReLU())
    model = mnn.Sequential(
        mnn.Conv1d(3, 8, 3, padding=1), mnn.LayerNorm(8), circuit, inner, mnn.Linear(6, 2)
    )
    first = np.asarray(model(mx.array(x)))
    on_keras = ncps.convert(model, "keras")
    on_torch = ncps.convert(on_keras, "ncps", framework="torch")
    again = ncps.convert(on_torch, "mlx")
    np.testing.assert_array_equal(np.asarray(again(mx.array(x))), first)
    bounds = TOLERANCES["float32"].values
    np.testing.assert_allclose(on_torch(torch.from_numpy(x)).detach().numpy(), first, **bounds)
