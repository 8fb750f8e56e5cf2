"""Files in the layouts of the package xlstm and of the hub are read as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import ncps
from ncps.canonical import Array
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import FileFormatError, ParameterError, UnknownNameError
from ncps.reference import run
from ncps_xlstm import specs
from ncps_xlstm.checkpoints import BlockStack, Large
from ncps_xlstm.layouts import large_map, stack_map

SINGLE = TOLERANCES["float32"].values
RNG = np.random.default_rng(0)
STEPS = 9
LM = {"vocab_size": 11, "units": 8, "num_blocks": 3, "slstm_at": (1,), "num_heads": 2}
LARGE = {"vocab_size": 11, "units": 16, "num_blocks": 3, "num_heads": 2}


def drawn(spec: Any) -> dict[str, Array]:
    return {p.name: RNG.standard_normal(p.shape).astype(np.float32) for p in spec.parameters()}


def same(got: dict[str, Array], expected: dict[str, Array]) -> None:
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, **SINGLE, err_msg=name)


def contiguous(arrays: dict[str, Array]) -> dict[str, Array]:
    return {name: np.ascontiguousarray(a) for name, a in arrays.items()}


def lm_file(path: Path, prefix: str = "", **options: Any) -> tuple[Any, dict[str, Array]]:
    spec = specs.xLSTMLM(**{**LM, **options})
    p = drawn(spec)
    rules = stack_map(spec)
    native = rules.to_native(p)
    save_file({prefix + n: a for n, a in contiguous(native).items()}, path)
    # factors are stored less 1: what is stored has lost a bit
    return spec, rules.to_canonical(native)


def large_folder(
    folder: Path, shards: int = 1, config: dict[str, Any] | None = None
) -> tuple[Any, dict[str, Array]]:
    """A folder as the hub has it."""
    spec = specs.xLSTMLarge(**LARGE, logit_soft_cap=7.0)
    p = drawn(spec)
    native = contiguous(large_map(spec, hub=True).to_native(p))
    folder.mkdir()
    said = {"model_type": "xlstm", "embedding_dim": 16, "num_blocks": 3, "norm_eps": 1e-6}
    said |= {"num_heads": 2, "vocab_size": 11, "output_logit_soft_cap": 7.0}
    (folder / "config.json").write_text(json.dumps(said | (config or {})))
    if shards == 1:
        save_file(native, folder / "model.safetensors")
        return spec, p
    index: dict[str, str] = {}
    for i in range(shards):
        name = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = {n: native[n] for n in list(native)[i::shards]}
        save_file(part, folder / name)
        index |= dict.fromkeys(part, name)
    text = json.dumps({"metadata": {}, "weight_map": index})
    (folder / "model.safetensors.index.json").write_text(text)
    return spec, p


def test_language_model_tells_its_sizes(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    spec, p = lm_file(file)
    assert BlockStack.recognises(file)
    assert not Large.recognises(file)
    ((name, saved),) = BlockStack.read(file).items()
    assert name == ""
    assert [b.parameters() for b in saved.spec.blocks] == [b.parameters() for b in spec.blocks]
    same(dict(saved.parameters), p)


@pytest.mark.parametrize("options", [{"final_norm": False}, {"use_bias": True}, {"num_heads": 1}])
def test_options_show_in_the_tensors(tmp_path: Path, options: dict[str, Any]) -> None:
    spec, p = lm_file(tmp_path / "m.safetensors", slstm={"use_bias": False}, **options)
    saved = BlockStack.read(tmp_path / "m.safetensors")[""]
    assert saved.spec.parameters() == spec.parameters()
    same(dict(saved.parameters), p)


BLOCKS = {
    "sLSTM": specs.sLSTMBlock(input_size=8, kernel_size=2, hidden_units=16),
    "sLSTM alone": specs.sLSTMBlock(input_size=8, kernel_size=0, feed_forward=False),
    "mLSTM": specs.mLSTMBlock(input_size=8, num_heads=2, block_size=8, inner_size=32),
    "stack": specs.xLSTMBlockStack(input_size=8, num_blocks=2, slstm_at="all"),
}


@pytest.mark.parametrize("cuda", [False, True])
@pytest.mark.parametrize("case", BLOCKS)
def test_blocks_are_read(tmp_path: Path, case: str, cuda: bool) -> None:
    spec, file = BLOCKS[case], tmp_path / "block.safetensors"
    p = drawn(spec)
    save_file(contiguous(stack_map(spec, cuda).to_native(p)), file)
    saved = BlockStack.read(file)[""]
    assert saved.spec.layer == spec.layer
    assert saved.spec.parameters() == spec.parameters()
    same(dict(saved.parameters), p)


def test_pretrained_language_model_runs(tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    spec, p = lm_file(file)
    layer = ncps.from_pretrained(file, technology="numpy")
    tokens = spec.draw(RNG, (2, STEPS))
    y, _ = layer(tokens)
    expected, _ = run(spec, {name: a.astype(np.float64) for name, a in p.items()}, tokens)
    np.testing.assert_allclose(y, expected, **SINGLE)


def test_model_under_a_prefix(tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    _, p = lm_file(file, prefix="model.net.")
    ((name, saved),) = BlockStack.read(file).items()
    assert name == "model.net"
    same(dict(saved.parameters), p)
    assert list(BlockStack.read(file, prefix="model")) == ["model.net"]
    stack = BlockStack.read(file, prefix="model.net.xlstm_block_stack")
    assert [s.spec.layer for s in stack.values()] == ["xLSTMBlockStack"]
    with pytest.raises(UnknownNameError, match=r"unknown prefix 'modle'. Did you mean 'model'"):
        BlockStack.read(file, prefix="modle")


def test_other_tensors_beside_the_model_need_a_prefix(tmp_path: Path) -> None:
    spec = specs.mLSTMBlock(input_size=8)
    native = {f"a.{n}": a for n, a in contiguous(stack_map(spec).to_native(drawn(spec))).items()}
    save_file({**native, "b.weight": np.zeros(3)}, tmp_path / "m.safetensors")
    with pytest.raises(FileFormatError, match=r"also got \['b.weight'\]. Pass prefix=\"a.\""):
        BlockStack.read(tmp_path / "m.safetensors")
    assert list(BlockStack.read(tmp_path / "m.safetensors", prefix="a.")) == ["a"]


def test_options_win_over_the_tensors(tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    lm_file(file)
    given = {"slstm": {"activation": "relu"}, "chunk_size": 16, "dropout": 0.5}
    spec = BlockStack.read(file, **given)[""].spec
    assert (spec.chunk_size, spec.dropout) == (16, 0.5)
    assert [getattr(b, "activation", None) for b in spec.blocks] == [None, "relu", None]
    with pytest.raises(UnknownNameError, match="unknown option of this checkpoint 'chunk'"):
        BlockStack.read(file, chunk=3)
    with pytest.raises(
        ParameterError, match=r"expected other tensors .*ffn_norm.weight: \(8,\) != None"
    ):
        BlockStack.read(file, slstm_at=(0, 1))


def test_tied_head_is_one_table(tmp_path: Path) -> None:
    _, p = lm_file(tmp_path / "m.safetensors", tie_weights=True)
    saved = BlockStack.read(tmp_path / "m.safetensors")[""]
    assert saved.spec.tie_weights
    same(dict(saved.parameters), p)


@pytest.mark.parametrize("shards", [1, 3])
def test_folder_of_the_hub(tmp_path: Path, shards: int) -> None:
    folder = tmp_path / "model"
    spec, p = large_folder(folder, shards)
    assert Large.recognises(folder)
    assert not BlockStack.recognises(folder)
    saved = Large.read(folder)[""]
    assert saved.spec.logit_soft_cap == 7.0
    assert saved.spec.parameters() == spec.parameters()
    same(dict(saved.parameters), p)
    assert ncps.from_pretrained(folder, technology="numpy").spec == saved.spec


@pytest.mark.parametrize("framework", ["torch", "mlx"])
def test_folder_of_the_hub_runs_in_a_framework(tmp_path: Path, framework: str) -> None:
    pytest.importorskip(f"ncps_{framework}")
    _, p = large_folder(tmp_path / "model", 2)
    layer = ncps.from_pretrained(tmp_path / "model", framework=framework)
    assert layer.framework == framework
    same(ncps.parameters(layer), p)
    reference = ncps.from_pretrained(tmp_path / "model", technology="numpy")
    assert ncps.compare(layer, reference).within


def test_values_stay_on_the_disk_until_they_are_used(tmp_path: Path) -> None:
    large_folder(tmp_path / "model", 2)
    for name, array in Large.read(tmp_path / "model")[""].parameters.items():
        while isinstance(array.base, np.ndarray):
            array = array.base
        assert isinstance(array, np.memmap), name


@pytest.mark.parametrize("half", ["F16", "BF16"])
def test_half_precision_becomes_single(tmp_path: Path, half: str) -> None:
    spec = specs.xLSTMLarge(**LARGE)
    p = drawn(spec)
    header, data = dict[str, Any](), b""
    for name, array in contiguous(large_map(spec).to_native(p)).items():
        # bfloat16 is the upper half of float32
        rounded = array.astype("<f2") if half == "F16" else array.view("<u2")[..., 1::2]
        content = rounded.tobytes()
        place = [len(data), len(data) + len(content)]
        header[name] = {"dtype": half, "shape": array.shape, "data_offsets": place}
        data += content
    text = json.dumps(header).encode()
    (tmp_path / "m.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    found = Large.read(tmp_path / "m.safetensors")[""].parameters
    for name, array in p.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], array, rtol=2**-7, atol=1e-6)


def test_config_of_another_model_is_refused(tmp_path: Path) -> None:
    large_folder(tmp_path / "model", config={"num_heads": 4})
    with pytest.raises(ParameterError, match="num_heads=4 of its config, got 2"):
        Large.read(tmp_path / "model")


def test_folder_of_the_package_with_its_config(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    spec, _ = large_folder(folder)
    (folder / "config.json").unlink()
    lines = ["embedding_dim: 16  # H", "norm_eps: 1.0e-05", "mode: train", "gate_soft_cap: 9.0"]
    (folder / "config.yaml").write_text("\n".join([*lines, "use_bias: false", ""]))
    found = Large.read(folder)[""].spec
    assert (found.epsilon, found.gate_soft_cap, found.logit_soft_cap) == (1e-5, 9.0, 30.0)
    assert found.parameters() == spec.parameters()
    (folder / "config.yaml").write_text("mlstm:\n  size: 3\n")
    with pytest.raises(FileFormatError, match="lines of a name and a value, got 'mlstm:'"):
        Large.read(folder)


def index_of(folder: Path, name: str) -> None:
    folder.mkdir()
    text = json.dumps({"weight_map": {"backbone.blocks.0.mlstm_layer.q.weight": name}})
    (folder / "model.safetensors.index.json").write_text(text)


def test_index_names_files_beside_it_only(tmp_path: Path) -> None:
    index_of(tmp_path / "a", "../b.safetensors")
    with pytest.raises(FileFormatError, match=r"files beside it, got '../b.safetensors'"):
        Large.read(tmp_path / "a")
    index_of(tmp_path / "c", "gone.safetensors")
    with pytest.raises(FileFormatError, match=r"gone.safetensors, which is not there"):
        Large.read(tmp_path / "c")


def cut(path: Path) -> bytes:
    return path.read_bytes()[:-100]


DAMAGED: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "cut off": (cut, "expected .* bytes of tensors"),
    "empty": (lambda path: b"", "Expecting value"),
    "text": (lambda path: b"not a header at all", "its header is none"),
    "header": (lambda path: (2).to_bytes(8, "little") + b"[]", "its header is none"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files_are_named(tmp_path: Path, case: str) -> None:
    file = tmp_path / "m.safetensors"
    lm_file(file)
    damage, words = DAMAGED[case]
    file.write_bytes(damage(file))
    with pytest.raises(FileFormatError, match=rf"m.safetensors cannot be read.*{words}"):
        BlockStack.read(file)


def test_other_files_are_not_recognised(tmp_path: Path) -> None:
    save_file({"weight": np.zeros(2)}, tmp_path / "other.safetensors")
    (tmp_path / "text.pt").write_text("xlstm_norm.weight")
    for path in (tmp_path, *tmp_path.iterdir(), tmp_path / "none.safetensors"):
        assert not BlockStack.recognises(path)
        assert not Large.recognises(path)
    with pytest.raises(FileFormatError, match=r"no tensor whose name ends in xlstm_norm.weight"):
        BlockStack.read(tmp_path / "other.safetensors")
    with pytest.raises(FileFormatError, match=r"no tensor backbone.blocks.0.norm_mlstm.weight"):
        Large.read(tmp_path / "other.safetensors")
    with pytest.raises(FileFormatError, match=r"expected model.safetensors, .* none of them"):
        Large.read(tmp_path)


def test_missing_tensors_are_named(tmp_path: Path) -> None:
    spec = specs.mLSTMBlock(input_size=8)
    native = contiguous(stack_map(spec).to_native(drawn(spec)))
    save_file({n: a for n, a in native.items() if "igate.w" not in n}, tmp_path / "a.safetensors")
    with pytest.raises(FileFormatError, match=r"mlstm_cell.igate.weight'\) of what tells"):
        BlockStack.read(tmp_path / "a.safetensors")
    save_file({n: a for n, a in native.items() if "fgate.w" not in n}, tmp_path / "b.safetensors")
    with pytest.raises(ParameterError, match=r"fgate.weight: \(4, 192\) != None"):
        BlockStack.read(tmp_path / "b.safetensors")


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"xlstm_norm.weight": torch.ones(2), "path": tmp_path}, tmp_path / "m.pt")
    with pytest.raises(FileFormatError, match="Python objects from a file are never loaded"):
        BlockStack.read(tmp_path / "m.pt")
    torch.save({"xlstm_norm.weight": torch.ones(2), "epoch": 3}, tmp_path / "n.pt")
    with pytest.raises(FileFormatError, match=r"expected tensors, got others under \['epoch'\]"):
        BlockStack.read(tmp_path / "n.pt")
    torch.save([1], tmp_path / "o.pt")
    with pytest.raises(FileFormatError, match="expected a state dict, got list"):
        BlockStack.read(tmp_path / "o.pt")
