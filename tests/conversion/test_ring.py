"""Every layer goes around torch → MLX → NumPy → torch and comes back the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)

import ncps
from ncps import registry, specs
from ncps.cli import main
from ncps.errors import UnknownNameError
from ncps.testing import TOLERANCES
from ncps.testing._cases import Case
from ncps.testing._variants import broad, composed
from ncps.wirings import AutoNCP

RING = ("mlx", "numpy", "torch")
LAYERS = sorted(specs.BUILTIN)
# a collection, such as ModuleList, is not called, so there is nothing to record
CALLED = [layer for layer in LAYERS if specs.get(layer).kind != "collection"]
BOUNDS = TOLERANCES["float32"].values


def tried(layer: str) -> tuple[Case, ...]:
    sequence = specs.get(layer).kind == "sequence"
    return (*broad(layer), *(composed(layer) if sequence else ()))


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_comes_back_from_the_ring_as_it_was(layer: str) -> None:
    for case in tried(layer):
        start = ncps.create(case.spec(), technology="ncps", framework="torch", seed=1)
        here = start
        for technology in RING:
            here = ncps.convert(here, technology)
            assert registry.provider_of(here).framework == technology
        assert here.spec == start.spec
        before, after = ncps.parameters(start), ncps.parameters(here)
        for name, value in before.items():
            np.testing.assert_array_equal(after[name], value, err_msg=f"{case}: {name}")


@pytest.mark.parametrize("layer", CALLED)
def test_states_recorded_in_mlx_are_those_of_torch(layer: str) -> None:
    for case in tried(layer):
        spec, inputs = case.spec(), case.inputs()
        torch, mlx = (
            ncps.record(ncps.create(spec, technology="ncps", framework=framework, seed=1), **inputs)
            for framework in ("torch", "mlx")
        )
        assert list(torch) == list(mlx)
        for name, array in torch.items():
            scale = max(1.0, float(np.abs(array).max(initial=0.0)))
            np.testing.assert_allclose(
                mlx[name] / scale, array / scale, **BOUNDS, err_msg=f"{case}: {name}"
            )


def test_recording_takes_arrays_of_any_framework() -> None:
    torch, mx = pytest.importorskip("torch"), pytest.importorskip("mlx.core")
    x = torch.ones(2, 3, requires_grad=True)
    for framework in RING:
        layer = ncps.create("GRU", framework=framework, input_size=3, units=4, seed=0)
        expected = ncps.record(layer, np.ones((2, 3), np.float32))["h"]
        for given in (x, x.bfloat16(), mx.ones((2, 3)), mx.ones((2, 3), dtype=mx.bfloat16)):
            np.testing.assert_array_equal(ncps.record(layer, given)["h"], expected)
    dense = torch.nn.Linear(3, 2)
    assert ncps.compare(dense, ncps.convert(dense, "mlx"), x).within


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_dtype_goes_along(dtype: str) -> None:
    layer = ncps.create("GRU", framework="torch", input_size=3, units=4, dtype=dtype, seed=0)
    mlx = ncps.convert(layer, "mlx")
    assert mlx.dtype == dtype
    assert ncps.convert(mlx, "numpy").dtype == "float64"
    assert ncps.convert(layer, "mlx", dtype="float32").dtype == "float32"


def test_dtype_that_the_other_framework_lacks_must_be_given_up_by_name() -> None:
    layer = ncps.create("GRU", framework="torch", input_size=3, units=4, dtype="float64", seed=0)
    with pytest.raises(UnknownNameError, match="unknown MLX layer dtype 'float64'"):
        ncps.convert(layer, "mlx")
    assert ncps.convert(layer, "mlx", dtype="float32").dtype == "float32"


def test_native_arrays_of_torch_become_those_of_mlx() -> None:
    torch = ncps.create("LTC", framework="torch", input_size=3, units=AutoNCP(12, 3), seed=0)
    mlx = ncps.create(torch.spec, framework="mlx", seed=1)
    mlx.set_native(ncps.convert_parameters(torch.get_native(), "torch", "mlx", torch.spec))
    assert ncps.compare(torch, mlx).within
    back = ncps.convert_parameters(mlx.parameters(), "mlx", "torch", torch.spec)
    for name, array in torch.get_native().items():
        np.testing.assert_array_equal(back[name], array)


def test_file_for_mlx_is_what_mlx_itself_loads(tmp_path: Path) -> None:
    torch = ncps.create("CfC", framework="torch", input_size=3, units=AutoNCP(12, 3), seed=0)
    source, out = tmp_path / "torch.safetensors", tmp_path / "mlx.safetensors"
    ncps.save(torch, source)
    assert main(["convert", str(source), str(out), "--to", "mlx", "--from", "torch"]) == 0
    mlx = ncps.create(torch.spec, framework="mlx", seed=1)
    mlx.load_weights(str(out))
    assert ncps.compare(torch, mlx).within
    assert ncps.compare(torch, ncps.load(out, technology="torch")).within


def test_file_for_torch_is_what_torch_itself_loads(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    mlx = ncps.create("GRU", framework="mlx", input_size=3, units=4, num_layers=2, seed=0)
    source, out = tmp_path / "mlx.safetensors", tmp_path / "torch.safetensors"
    ncps.save(mlx, source)
    assert main(["convert", str(source), str(out), "--to", "torch"]) == 0
    torch = ncps.create(mlx.spec, framework="torch", seed=1)
    torch.load_state_dict(load_file(out))
    assert ncps.compare(torch, mlx).within
