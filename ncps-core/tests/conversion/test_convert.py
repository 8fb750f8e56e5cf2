"""Converting and comparing, where NumPy is all there is."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ncps
from ncps.canonical import Layout, leaves, read, write
from ncps.canonical import Saved as SavedLayer
from ncps.cli import main
from ncps.errors import BuildError, ConversionError, FileFormatError, ParameterError
from ncps.wirings import AutoNCP


def layer(name: str = "CfC", seed: int = 0, **options: Any) -> Any:
    return ncps.create(
        name, technology="numpy", **{"input_size": 3, "units": 4, **options}, seed=seed
    )


def same(one: Any, two: Any) -> bool:
    pairs = (ncps.parameters(one), ncps.parameters(two))
    return all(np.array_equal(value, pairs[1][name]) for name, value in pairs[0].items())


def test_converted_layer_is_a_new_one_with_the_same_parameters() -> None:
    one = layer(units=AutoNCP(12, 3))
    two = ncps.convert(one, "numpy")
    assert two is not one
    assert two.spec == one.spec
    assert same(one, two)


def test_containers_keep_their_shape_and_shared_layers_stay_shared() -> None:
    dense = layer("Dense")
    model = {"rnn": layer(), "heads": [dense, dense]}
    new = ncps.convert(model, "numpy")
    assert list(new) == ["rnn", "heads"]
    assert new["heads"][0] is new["heads"][1]
    assert same(new["heads"][0], dense)


def test_largest_difference_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="ncps.conversion"):
        ncps.convert({"rnn": layer()}, "numpy")
    assert "rnn: CfC of numpy on numpy (float64) and" in caplog.text
    assert "differ by 0.0e+00 at most" in caplog.text


def test_layer_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = layer(seed=1)
    monkeypatch.setattr("ncps.conversion._convert.make", lambda *_, **__: other)
    with pytest.raises(ConversionError, match=r"not compute the same\. y: .* at step \d+"):
        ncps.convert(layer(), "numpy")
    assert ncps.convert(layer(), "numpy", verify=False) is other


def test_comparison_names_the_array_and_the_step_that_are_apart() -> None:
    one, two = layer("GRU"), layer("GRU")
    assert ncps.compare(one, two).within
    values = ncps.parameters(two)
    values["update_gate.bias"] = values["update_gate.bias"] + 1e-6
    ncps.load_parameters(two, values)
    found = ncps.compare(one, two)
    assert not found.within
    assert [d.name for d in found.differences] == ["y", "h"]
    assert 0 < found.largest < 1e-5
    assert "largest difference" in str(found)
    x = np.zeros((1, 5, 3))
    values["update_gate.bias"][0] = np.nan
    ncps.load_parameters(two, values)
    broken = ncps.compare(one, two, x)
    assert not broken.within
    assert np.isnan(broken.largest)
    assert broken.differences[0].step == 0


@pytest.mark.filterwarnings("error")
def test_infinite_outputs_are_no_proof_and_no_warning() -> None:
    one = layer("Dense", use_bias=True)
    ncps.load_parameters(one, {**ncps.parameters(one), "bias": np.full(4, np.inf)})
    assert not ncps.compare(one, one).within


@pytest.mark.parametrize("factor", [5.0, 40.0])
@pytest.mark.parametrize("name", ["RNN", "GRU", "CfC"])
def test_chaotic_network_is_no_other_network(name: str, factor: float) -> None:
    """Rounding that a sequence amplifies is not what sets two layers apart."""
    one = layer(name, units=24, bidirectional=True)
    values = {n: factor * v for n, v in ncps.parameters(one).items()}
    ncps.load_parameters(one, values)
    two = layer(name, units=24, bidirectional=True)
    rounded = {n: v * (1 + 1e-14) for n, v in values.items()}
    ncps.load_parameters(two, rounded)
    assert ncps.compare(one, two).within
    changed = {n: v + 1e-4 * ("recurrent" in n or "ff1" in n) for n, v in values.items()}
    ncps.load_parameters(two, changed)
    assert not ncps.compare(one, two).within


def test_layer_that_gives_no_numbers_proves_nothing() -> None:
    one = layer("Dense")
    ncps.load_parameters(one, {n: v + np.inf for n, v in ncps.parameters(one).items()})
    with np.errstate(invalid="ignore"):
        with pytest.raises(ConversionError, match="do not give finite numbers to compare"):
            ncps.convert(one, "numpy")
        assert same(ncps.convert(one, "numpy", verify=False), one)


def test_layers_with_different_meanings_are_not_compared() -> None:
    with pytest.raises(ConversionError, match="two layers that mean the same"):
        ncps.compare(layer(), layer(mode="pure"))
    assert ncps.compare(layer(), layer(return_sequences=False, return_state=False)).within


def test_model_filled_from_another_has_its_parameters() -> None:
    source = {"rnn": layer(seed=1), "head": layer("Dense", seed=2)}
    target = {"rnn": layer(return_sequences=False), "head": layer("Dense")}
    assert ncps.convert(source, into=target) is target
    assert same(target["rnn"], source["rnn"])
    assert same(target["head"], source["head"])


def test_model_that_does_not_match_stays_as_it_was() -> None:
    source = {"rnn": layer(seed=1), "head": layer("Dense", seed=2)}
    target = {"rnn": layer(mode="pure"), "tail": layer("Dense")}
    before = {path: dict(leaf.parameters) for path, leaf in leaves(target).items()}
    with pytest.raises(ConversionError) as error:
        ncps.convert(source, into=target)
    for line in (
        "missing there: tail",
        "not in the model: head",
        "rnn: mode is 'pure' in the model, 'default' there",
    ):
        assert line in str(error.value)
    for path, leaf in leaves(target).items():
        assert all(np.array_equal(before[path][k], v) for k, v in leaf.parameters.items())


def test_load_that_fails_halfway_leaves_every_layer_as_it_was() -> None:
    source = {"rnn": layer(seed=1), "head": layer("Dense", seed=2)}
    target = {"rnn": layer(), "head": layer("Dense")}
    set_native = target["head"].set_native

    def refuse_once(arrays: Any) -> None:
        target["head"].set_native = set_native
        raise OSError("no memory")

    target["head"].set_native = refuse_once
    with pytest.raises(OSError, match="no memory"):
        ncps.convert(source, into=target)
    assert same(target["rnn"], layer())
    assert same(target["head"], layer("Dense"))


def test_failed_verification_gives_the_model_its_parameters_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target, fresh = {"rnn": layer()}, layer()

    def refuse(*_: object) -> None:
        raise ConversionError("no")

    monkeypatch.setattr("ncps.conversion._convert._verify", refuse)
    with pytest.raises(ConversionError, match="no"):
        ncps.convert({"rnn": layer(seed=1)}, into=target)
    assert same(target["rnn"], fresh)


def test_arguments_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConversionError, match="either into= or technology=, got both"):
        ncps.convert(layer(), "numpy", into=layer())
    with pytest.raises(BuildError, match="has no parameters yet"):
        ncps.convert(layer(input_size=None), "numpy")
    with pytest.raises(ConversionError, match=r"expected a layer of ncps.*, got int"):
        ncps.convert({"a": 3}, "numpy")
    with pytest.raises(ConversionError, match=r"from_native expected one layer.*, got dict"):
        ncps.from_native({"a": layer()})


def test_subclass_with_code_of_its_own_is_not_converted() -> None:
    kind = type(layer())

    class Doubled(kind):  # type: ignore[misc, valid-type]
        def __call__(self, *arguments: Any, **options: Any) -> Any:
            y, state = super().__call__(*arguments, **options)
            return 2 * y, state

    class Renamed(kind):  # type: ignore[misc, valid-type]
        pass

    spec = layer().spec
    assert same(ncps.convert(Renamed(spec, seed=1), "numpy"), layer(seed=1))
    with pytest.raises(ConversionError, match=r"at 'a': expected a CfC, got a Doubled, whose code"):
        ncps.convert({"a": Doubled(spec)}, "numpy")
    assert same(ncps.convert(Doubled(spec, seed=1), into=Doubled(spec)), layer(seed=1))


def test_layers_that_would_have_one_name_are_not_lost(tmp_path: Path) -> None:
    dotted = {"x": {"a.b": layer(), "a": {"b": layer()}}}
    with pytest.raises(ConversionError, match=r"got two under 'x\.a\.b'"):
        ncps.save(dotted, tmp_path / "m.safetensors")
    with pytest.raises(ConversionError, match=r"at 'x': .* names stay apart as text, got \[1, '1'"):
        ncps.convert({"x": {1: layer(), "1": layer()}}, "numpy")


def test_errors_say_which_part_of_a_model_is_meant() -> None:
    model = {"a": [layer(), layer(input_size=None)]}
    for action in (leaves, lambda model: ncps.convert(model, "numpy")):
        with pytest.raises(BuildError, match=r"at 'a\.1': CfC has no parameters yet"):
            action(model)


def test_model_without_layers_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="a model with layers, got a list without any"):
        ncps.save([], tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_only_a_file_is_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for place in (tmp_path, pipe):
        with pytest.raises(FileExistsError, match="is not replaced"):
            ncps.save(layer(), place)
    assert pipe.is_fifo()


def test_native_parameters_of_numpy_are_the_canonical_ones() -> None:
    one = layer("LSTM")
    values = ncps.parameters(one)
    same_values = ncps.convert_parameters(values, "numpy", "numpy", one.spec)
    assert all(np.array_equal(values[k], v) for k, v in same_values.items())
    wrong = {**values, "nonsense": np.ones(2), "input_gate.bias": np.ones(9)}
    del wrong["cell_gate.bias"]
    with pytest.raises(ParameterError) as error:
        ncps.convert_parameters(wrong, "numpy", "numpy", one.spec)
    for line in ("missing: cell_gate.bias", "unknown: nonsense", "input_gate.bias expected (4,)"):
        assert line in str(error.value)
    words = {name: value.astype(str) for name, value in values.items()}
    with pytest.raises(ParameterError, match=r"input_gate\.bias expected floats, got <U32"):
        ncps.convert_parameters(words, "numpy", "numpy", one.spec)
    spec, parameters = ncps.from_native(one)
    assert spec == one.spec
    assert list(parameters) == list(values)


def test_file_in_a_layout_is_read_back(tmp_path: Path) -> None:
    one, path = layer(), tmp_path / "m.safetensors"
    saved = {"": SavedLayer(one.spec, ncps.parameters(one), "float32")}
    write(saved, path, {"": Layout()})
    assert read(path)[""].dtype == "float32"
    assert same(ncps.load(path, technology="numpy"), one)


def test_command_writes_a_checked_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    model = {"rnn": layer("GRU"), "head": layer("Dense")}
    ncps.save(model, source)
    assert main(["convert", str(source), str(out), "--to", "numpy"]) == 0
    text = capsys.readouterr().out
    for words in ("rnn: GRU of numpy on numpy", "at step", "rnn.reset_gate.kernel", "3 × 4"):
        assert words in text
    assert max(map(len, text.splitlines()[:-1])) <= 80
    assert same(ncps.load(out, technology="numpy")["rnn"], model["rnn"])
    assert main(["convert", str(source), str(out), "--to", "numpy", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["written"]
    assert [one["path"] for one in told["layers"]] == ["rnn", "head"]


def test_command_writes_nothing_when_the_layers_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    ncps.save(layer(), source)
    made = iter([layer(), layer(seed=1)])
    monkeypatch.setattr("ncps.conversion._file.make", lambda *_, **__: next(made))
    assert main(["convert", str(source), str(out), "--to", "numpy"]) == 1
    assert "not written: the difference is too large" in capsys.readouterr().out
    assert not out.exists()


def test_command_refuses_what_it_cannot_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.safetensors", tmp_path / "out.safetensors"
    ncps.save(layer(), source)

    def error(*words: object) -> str:
        assert main(["convert", *map(str, words)]) == 2
        return capsys.readouterr().err

    assert "is the file to convert" in error(source, source, "--to", "numpy")
    assert "no such file" in error(tmp_path / "none", out, "--to", "numpy")
    assert "Did you mean 'numpy'" in error(source, out, "--to", "nunpy")
    assert "unknown checkpoint format 'x'" in error(source, out, "--to", "numpy", "--format", "x")
    assert "expected NAME=VALUE" in error(source, out, "--to", "numpy", "--option", "mode")
    assert "no options, got mode" in error(source, out, "--to", "numpy", "--option", "mode=pure")
    for place in (tmp_path, tmp_path / "none" / "out.safetensors", "/dev/null"):
        assert "cannot be written; name a file in" in error(source, place, "--to", "numpy")
    source.write_bytes(b"nothing of the kind")
    assert "no checkpoint that an installed reader knows" in error(source, out, "--to", "numpy")
    assert not out.exists()


def test_checkpoint_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"?")
    with pytest.raises(FileFormatError, match="no checkpoint that an installed reader knows"):
        ncps.from_pretrained(tmp_path / "x.bin")
