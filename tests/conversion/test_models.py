"""Models of several layers, ours and the frameworks' own, between torch and MLX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
mx = pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)

import mlx.nn as mnn  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from torch import nn  # noqa: E402

import ncps  # noqa: E402
from ncps.cli import main  # noqa: E402
from ncps.errors import ConversionError, PluginError  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402
from ncps.wirings import AutoNCP  # noqa: E402

BOUNDS = TOLERANCES["float32"].values
X = np.random.default_rng(0).standard_normal((2, 7, 4)).astype(np.float32)
OWN: list[Callable[[], Any]] = [
    lambda: nn.Linear(4, 3),
    lambda: nn.Linear(4, 3, bias=False),
    lambda: nn.LSTM(4, 5),
    lambda: nn.GRU(4, 5, batch_first=True),
    lambda: nn.RNN(4, 5, nonlinearity="relu"),
    lambda: nn.MultiheadAttention(4, 2),
    lambda: nn.MultiheadAttention(4, 2, bias=False, batch_first=True),
]


class OnTorch(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        wiring = AutoNCP(12, 3)
        self.cfc = ncps.create("CfC", framework="torch", input_size=4, units=wiring, **options)
        self.act = nn.ReLU()
        self.heads = nn.ModuleList([nn.Linear(3, 2), nn.Linear(3, 1)])

    def forward(self, x: Any) -> Any:
        h = self.act(self.cfc(x)[0])
        return torch.cat([head(h) for head in self.heads], dim=-1)


class OnMLX(mnn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        wiring = AutoNCP(12, 3)
        self.cfc = ncps.create("CfC", framework="mlx", input_size=4, units=wiring, **options)
        self.heads = [mnn.Linear(3, 2), mnn.Linear(3, 1)]

    def __call__(self, x: Any) -> Any:
        h = mx.maximum(self.cfc(x)[0], 0)
        return mx.concatenate([head(h) for head in self.heads], axis=-1)


def close(got: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(got), np.asarray(expected), **BOUNDS)


@pytest.mark.parametrize("make", OWN)
def test_own_layer_becomes_the_other_frameworks_own_and_comes_back(make: Callable[[], Any]) -> None:
    start = make()
    there = ncps.convert(start, "mlx")
    assert type(there).__module__.startswith("mlx.nn.")
    assert ncps.compare(start, there).within
    back = ncps.convert(there, "torch")
    assert type(back) is type(start)
    assert ncps.compare(back, there).within
    reference = ncps.convert(start, "numpy")
    assert reference.framework == "numpy"
    assert ncps.compare(start, reference).within


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_cells_of_torch_become_layers_of_ncps_where_there_are_none(cell: type) -> None:
    own = cell(4, 5)
    assert ncps.compare(own, ncps.convert(own, "numpy")).within
    there = ncps.convert(own, "mlx")
    assert there.spec.layer == cell.__name__
    assert ncps.compare(own, there).within


def test_named_technology_serves_what_was_the_frameworks_own() -> None:
    lstm = nn.LSTM(4, 5)
    for technology, module in (("ncps", "ncps_mlx.layers"), ("mlx.nn", "ncps_mlx.layers.stock")):
        there = ncps.convert(lstm, technology, framework="mlx")
        assert type(there).__module__.startswith(module)
        assert ncps.compare(lstm, there).within
    two = ncps.convert(nn.LSTM(4, 5, num_layers=2), "mlx")
    assert two.spec.num_layers == 2


def test_layer_that_computes_something_else_is_told_apart() -> None:
    assert not ncps.compare(nn.GRU(4, 5), nn.GRU(4, 5)).within


def test_sequential_becomes_a_sequential_that_computes_the_same() -> None:
    model = nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Sequential(nn.Linear(8, 8), nn.GELU()), nn.Linear(8, 2)
    )
    there = ncps.convert(model, "mlx")
    assert isinstance(there, mnn.Sequential)
    expected = model(torch.from_numpy(X)).detach()
    close(there(mx.array(X)), expected)
    back = ncps.convert(there, "torch")
    close(back(torch.from_numpy(X)).detach(), expected)


def test_recurrent_layer_in_a_sequential_still_gives_the_next_one_y_alone() -> None:
    model = mnn.Sequential(mnn.Linear(4, 8), mnn.GRU(8, 5), mnn.Linear(5, 2))
    there = ncps.convert(model, "torch")
    assert there[1].spec.return_state is False
    expected = model(mx.array(X))
    close(there(torch.from_numpy(X)).detach(), expected)
    close(ncps.convert(there, "mlx")(mx.array(X)), expected)
    alone = ncps.convert(model.layers[1], "torch")
    assert type(alone) is nn.GRU


def test_functions_of_mlx_become_modules_of_torch() -> None:
    model = mnn.Sequential(mnn.Linear(4, 8), mnn.tanh, mnn.Linear(8, 2))
    there = ncps.convert(model, "torch")
    assert [type(m) for m in there] == [nn.Linear, nn.Tanh, nn.Linear]
    close(there(torch.from_numpy(X)).detach(), model(mx.array(X)))


def test_layers_of_ours_and_of_torch_convert_side_by_side() -> None:
    model = {"rnn": OnTorch().cfc, "parts": nn.ModuleList([nn.Linear(4, 2), nn.GRU(4, 3)])}
    there = ncps.convert(model, "mlx")
    assert there["rnn"].framework == "mlx"
    assert [type(part) for part in there["parts"]] == [mnn.Linear, mnn.GRU]


def test_model_of_another_framework_takes_the_parameters() -> None:
    trained, into = OnTorch(), OnMLX()
    assert ncps.convert(trained, into=into) is into
    expected = trained(torch.from_numpy(X)).detach()
    close(into(mx.array(X)), expected)
    again = ncps.convert(into, into=OnTorch())
    close(again(torch.from_numpy(X)).detach(), expected)


def test_model_whose_layers_mean_something_else_stays_as_it_was() -> None:
    into = OnMLX(mode="pure")
    before = into(mx.array(X))
    with pytest.raises(ConversionError, match="cfc: mode is 'pure' in the model, 'default' there"):
        ncps.convert(OnTorch(), into=into)
    np.testing.assert_array_equal(np.asarray(into(mx.array(X))), np.asarray(before))


def test_class_of_the_user_is_told_the_way() -> None:
    with pytest.raises(ConversionError, match=r"a OnTorch, whose code.*convert\(model, into=other"):
        ncps.convert(OnTorch(), "mlx")


def test_parameters_that_no_layer_holds_are_never_lost() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.InstanceNorm1d(3, affine=True))
    for action in (
        lambda: ncps.convert(model, "mlx"),
        lambda: ncps.save(model, "never.safetensors"),
        lambda: ncps.convert(model, into=model),
    ):
        with pytest.raises(ConversionError, match=r"at '1': .* InstanceNorm1d with weight, bias"):
            action()
    counts = nn.Sequential(nn.Linear(4, 3), nn.InstanceNorm1d(3, track_running_stats=True))
    with pytest.raises(ConversionError, match="InstanceNorm1d with running_mean"):
        ncps.convert(counts, "mlx")
    scaled = OnMLX()
    scaled.scale = mx.ones(3)
    with pytest.raises(ConversionError, match="OnMLX with scale"):
        ncps.convert(scaled, into=OnTorch())
    layer = OnTorch().cfc
    layer.scale = nn.Parameter(torch.ones(3))
    for action in (
        lambda: ncps.convert(layer, "mlx"),
        lambda: ncps.save(layer, "never.safetensors"),
    ):
        with pytest.raises(ConversionError, match="parameters of its spec, got a CfC with scale"):
            action()


def test_saved_model_is_read_back_layer_by_layer(tmp_path: Path) -> None:
    model = OnTorch()
    ncps.save(model, tmp_path / "m.safetensors")
    layers = ncps.load(tmp_path / "m.safetensors", technology="mlx")
    assert list(layers) == ["cfc", "heads.0", "heads.1"]
    assert ncps.compare(model.cfc, layers["cfc"]).within
    x = torch.randn(2, 3)
    close(layers["heads.1"](mx.array(x.numpy())), model.heads[1](x).detach())


def test_converted_file_of_a_model_is_what_its_framework_loads(tmp_path: Path) -> None:
    """The frameworks' own layers in it have their own names there, ours have ours."""
    model, other = OnTorch(), OnMLX()
    source, out = tmp_path / "torch.safetensors", tmp_path / "mlx.safetensors"
    ncps.save(model, source)
    assert main(["convert", str(source), str(out), "--to", "mlx"]) == 0
    other.load_weights(str(out))
    close(other(mx.array(X)), model(torch.from_numpy(X)).detach())
    back = tmp_path / "back.safetensors"
    assert main(["convert", str(out), str(back), "--to", "torch"]) == 0
    again = OnTorch()
    again.load_state_dict(load_file(back))
    close(again(torch.from_numpy(X)).detach(), other(mx.array(X)))


def test_native_layer_goes_by_way_of_its_spec() -> None:
    lstm = nn.LSTM(4, 5, num_layers=2, bidirectional=True)
    spec, parameters = ncps.from_native(lstm)
    assert (spec.layer, spec.num_layers, spec.bidirectional) == ("LSTM", 2, True)
    again = ncps.to_native(spec, parameters, "torch")
    assert ncps.compare(lstm, again).within
    ours = ncps.create(spec, framework="mlx")
    ncps.load_parameters(ours, parameters)
    assert ncps.compare(lstm, ours).within
    with pytest.raises(ConversionError, match=r"one layer and one direction, as mlx\.nn has"):
        ncps.to_native(spec, parameters, "mlx")
    with pytest.raises(ConversionError, match=r"without dropout between its layers"):
        ncps.from_native(nn.LSTM(4, 5, num_layers=2, dropout=0.1))
    with pytest.raises(PluginError, match="reader of native modules for 'numpy'"):
        ncps.to_native(spec, parameters, "numpy")


def test_half_precision_of_native_layers_goes_along() -> None:
    there = ncps.convert(nn.Linear(4, 3).bfloat16(), "mlx")
    assert there.weight.dtype == mx.bfloat16
    assert ncps.convert(there, "torch", dtype="float32").weight.dtype == torch.float32
    target = nn.Linear(4, 3)
    ncps.convert(there, into=target)
    assert target.weight.dtype == torch.float32
