"""Reading and writing canonical parameters and files, on the reference layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import ncps
from ncps.errors import BuildError, ConversionError, FileFormatError, ParameterError
from ncps.reference.layers import CfC, Dense
from ncps.specs import CfC as CfCSpec
from ncps.specs import Dense as DenseSpec
from ncps.wirings import AutoNCP


def dense(seed: int = 0) -> Dense:
    return Dense(DenseSpec(input_size=2, units=3), seed=seed)


def test_load_parameters_replaces_every_value() -> None:
    first, second = dense(0), dense(1)
    ncps.load_parameters(second, ncps.parameters(first))
    for name, value in ncps.parameters(first).items():
        np.testing.assert_array_equal(ncps.parameters(second)[name], value)


def test_parameters_are_copies() -> None:
    layer = dense()
    ncps.parameters(layer)["kernel"][:] = 7
    assert not np.any(ncps.parameters(layer)["kernel"] == 7)


def test_every_misfit_is_listed_and_nothing_changes() -> None:
    layer = dense()
    before = ncps.parameters(layer)
    with pytest.raises(ParameterError) as error:
        ncps.load_parameters(layer, {"kernel": np.ones((3, 2)), "bais": np.ones(3)})
    message = str(error.value)
    assert "wrong shape: kernel expected (2, 3), got (3, 2)" in message
    assert "missing: bias (3,)" in message
    assert "not a parameter of it: bais" in message
    assert all(np.array_equal(before[k], v) for k, v in ncps.parameters(layer).items())


def test_integers_are_refused() -> None:
    with pytest.raises(ParameterError, match="wrong dtype: bias expected floats, got int"):
        ncps.load_parameters(dense(), {"kernel": np.ones((2, 3)), "bias": np.arange(3)})


def test_not_strict_keeps_what_is_not_given() -> None:
    layer = dense()
    kernel = ncps.parameters(layer)["kernel"]
    ncps.load_parameters(layer, {"bias": np.ones(3), "other": np.ones(9)}, strict=False)
    np.testing.assert_array_equal(ncps.parameters(layer)["bias"], np.ones(3))
    np.testing.assert_array_equal(ncps.parameters(layer)["kernel"], kernel)


def test_unbuilt_layer_has_no_parameters() -> None:
    layer = Dense(DenseSpec(units=3))
    with pytest.raises(BuildError, match="Dense has no parameters yet"):
        ncps.parameters(layer)
    ncps.build(layer, np.zeros((7, 2)))
    assert ncps.parameters(layer)["kernel"].shape == (2, 3)


def test_foreign_object_is_refused() -> None:
    with pytest.raises(ParameterError, match="expected a layer made by ncps, got dict"):
        ncps.parameters({})  # type: ignore[arg-type]


def test_saved_layer_computes_the_same(tmp_path: Path) -> None:
    layer = CfC(CfCSpec(input_size=2, units=AutoNCP(8, 2), mixed_memory=True), seed=3)
    path = tmp_path / "m.safetensors"
    ncps.save(layer, path)
    again = ncps.load(path, technology="numpy")
    x = np.random.default_rng(0).standard_normal((3, 4, 2))
    np.testing.assert_array_equal(again(x)[0], layer(x)[0])
    assert again.spec == layer.spec


def test_saved_file_describes_itself(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    ncps.save({"first": dense(), "head": dense(1)}, path)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    assert metadata["format"] == "ncps"
    assert metadata["schema"] == "1"
    assert metadata["ncps_version"] == ncps.__version__
    assert json.loads(metadata["layers"])["head"]["spec"]["layer"] == "Dense"
    layers = ncps.load(path, technology="numpy")
    assert list(layers) == ["first", "head"]


def test_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.safetensors"
    ncps.save(dense(), path)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        ncps.save(dense(1), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_files_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(FileFormatError, match="cannot be read as a safetensors file"):
        ncps.load(path)
    path.write_bytes(b"not a tensor file at all")
    with pytest.raises(FileFormatError, match="cannot be read as a safetensors file"):
        ncps.load(path)
    save_file({"x": np.ones(2)}, path)
    with pytest.raises(FileFormatError, match="has no ncps metadata"):
        ncps.load(path)
    save_file({"x": np.ones(2)}, path, metadata={"format": "ncps", "schema": "9"})
    with pytest.raises(FileFormatError, match="expected schema 1, got '9'"):
        ncps.load(path)
    ours = {"format": "ncps", "schema": "1"}
    for layers in ("{", "[]", '{"a": 1}', '{"a": {"spec": {}}}'):
        save_file({"x": np.ones(2)}, path, metadata=ours | {"layers": layers})
        with pytest.raises(FileFormatError, match="cannot be read"):
            ncps.load(path)


def test_reference_does_not_impose_its_dtype_on_other_technologies(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    ncps.save(dense(), path)
    with safe_open(path, framework="numpy") as file:
        assert json.loads(file.metadata()["layers"])[""]["dtype"] is None


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ({"a.b": dense()}, r"names without a dot, got \['a.b'\]"),
        ({1: dense()}, r"names without a dot, got \[1\]"),
        ({}, r"names without a dot, got \[\]"),
        ({"a": np.ones(2)}, "at 'a': expected a layer of ncps.*, got ndarray"),
        ({"a": [dense(), 3]}, r"at 'a\.1': expected a layer of ncps.*, got int"),
    ],
)
def test_models_that_cannot_be_saved_are_refused(model: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises((ParameterError, ConversionError), match=says):
        ncps.save(model, tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_layers_in_lists_are_saved_under_their_paths(tmp_path: Path) -> None:
    ncps.save({"stack": [dense(0), dense(1)]}, tmp_path / "m.safetensors")
    found = ncps.load(tmp_path / "m.safetensors", technology="numpy")
    assert list(found) == ["stack.0", "stack.1"]


def test_saving_into_no_folder_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"make it first: .*nowhere"):
        ncps.save(dense(), tmp_path / "nowhere" / "m.safetensors")


def test_parameters_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(ParameterError, match="a mapping of names to arrays, got NoneType"):
        ncps.load_parameters(dense(), None)  # type: ignore[arg-type]
