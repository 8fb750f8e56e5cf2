"""Files in the layouts of HyenaDNA's public implementations compute what their models do.

The models are those of the twin in plain PyTorch; each test saves one as its source would.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import hyena_twin as twin  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

import ncps  # noqa: E402
from ncps.errors import FileFormatError, ParameterError, SpecError, UnknownNameError  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402
from ncps_hyena.checkpoints import HyenaDNAFiles  # noqa: E402
from ncps_hyena.specs import HyenaDNA  # noqa: E402

SIZES = {"d_model": 6, "d_inner": 10, "n_layer": 2, "l_max": 20, "filter_order": 8}
# as config.json of the original checkpoints has them
ORIGINAL: dict[str, Any] = {
    "d_model": 6,
    "n_layer": 2,
    "d_inner": 10,
    "vocab_size": 12,
    "pad_vocab_size_multiple": 8,
    "resid_dropout": 0.0,
    "embed_dropout": 0.1,
    "residual_in_fp32": True,
    "checkpoint_mixer": True,
    "layer": {
        "_name_": "hyena",
        "emb_dim": 5,
        "filter_order": 8,
        "short_filter_order": 3,
        "l_max": 20,
        "modulate": True,
        "w": 10,
        "lr": 6e-4,
        "lr_pos_emb": 0.0,
    },
}
# and as that of the hub's models has them
HUB: dict[str, Any] = {
    "model_type": "hyenadna",
    "d_model": 6,
    "n_layer": 2,
    "d_inner": 10,
    "vocab_size": 12,
    "pad_vocab_size_multiple": 8,
    "max_seq_len": 20,
    "hyena_order": 2,
    "filter_order": 8,
    "emb_dim": 5,
    "num_inner_mlps": 2,
    "short_filter_order": 3,
    "activation_freq": 10,
    "train_freq": True,
    "use_bias": True,
    "embed_dropout": 0.1,
    "hyena_dropout": 0.0,
    "layer_norm_epsilon": 1e-5,
    "initializer_range": 0.02,
    "tie_word_embeddings": False,
}
States = dict[str, Any]


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


class Trap:
    """Pickled, it runs code wherever it is unpickled without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def made(kind: Callable[[twin.Options], Any] = twin.LanguageModel, **options: Any) -> Any:
    """A model of the twin with values that are far from the initial ones."""
    model = kind(twin.Options(**{**SIZES, **options}))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


def original(folder: Path, states: States, config: Any = ORIGINAL) -> Path:
    """A folder as the training code and its authors' uploads have it."""
    held = {
        f"model.{name}".replace(".mixer.", ".mixer.layer.").replace(".mlp.", ".mlp.layer."): tensor
        for name, tensor in states.items()
    }
    content = {
        "epoch": 3,
        "state_dict": held,
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}}],
        "hyper_parameters": Trap(folder / "executed"),
    }
    torch.save(content, folder / "weights.ckpt")
    return write_config(folder, config)


def hub(folder: Path, states: States, config: Any = HUB) -> Path:
    """A folder of the hub: the head apart, and one of the three names of ω."""
    save_file(hub_states(states), folder / "model.safetensors")
    return write_config(folder, config)


def hub_states(states: States) -> States:
    kept = {n: t.clone() for n, t in states.items() if not n.endswith(("3.freq", "5.freq"))}
    return {n if n.startswith(("lm_head", "score")) else f"hyena.{n}": t for n, t in kept.items()}


def write_config(folder: Path, config: Any) -> Path:
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def computes_what(path: Path, model: Any, **options: Any) -> HyenaDNA:
    """The file gives a layer with the outputs of the model; its spec."""
    layer = ncps.from_pretrained(path, framework="numpy", **options)
    tokens = torch.randint(0, 12, (2, 17))
    expected = model(tokens).detach().numpy()
    np.testing.assert_allclose(layer(tokens.numpy()), expected, **TOLERANCES["float32"].values)
    spec = layer.spec
    assert isinstance(spec, HyenaDNA)
    return spec


@pytest.mark.parametrize("save", [original, hub])
def test_model_computes_the_same_from_its_folder(save: Any, tmp_path: Path) -> None:
    model = made()
    path = save(tmp_path, model.state_dict())
    assert HyenaDNAFiles.recognises(path)
    assert computes_what(path, model) == HyenaDNA(
        units=6,
        inner_size=10,
        num_layers=2,
        l_max=20,
        filter_order=8,
        head="lm",
        embedding_dropout=0.1,
    )


@pytest.mark.parametrize("framework", ["torch", "mlx"])
def test_native_layers_compute_what_the_file_does(framework: str, tmp_path: Path) -> None:
    if framework == "mlx":
        pytest.importorskip("mlx.core", reason="needs MLX", exc_type=ImportError)
    model = made()
    path = original(tmp_path, model.state_dict())
    layer = ncps.from_pretrained(path, framework=framework, format="hyenadna")
    layer.eval()
    tokens = torch.randint(0, 12, (2, 17))
    if framework == "torch":
        y = layer(tokens).detach().numpy()
    else:
        import mlx.core as mx

        y = np.array(layer(mx.array(tokens.numpy())))
    expected = model(tokens).detach().numpy()
    np.testing.assert_allclose(y, expected, **TOLERANCES["float32"].values)


def test_objects_in_a_file_are_never_made(tmp_path: Path) -> None:
    path = original(tmp_path, made().state_dict())
    ncps.from_pretrained(path, framework="numpy")
    assert not (tmp_path / "executed").exists()
    torch.load(path / "weights.ckpt", weights_only=False)
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".bin", ".safetensors"])
def test_file_alone_tells_what_its_tensors_do(suffix: str, tmp_path: Path) -> None:
    model, path = made(), tmp_path / f"model{suffix}"
    states = {n: t.clone() for n, t in model.state_dict().items()}
    save_file(states, path) if suffix == ".safetensors" else torch.save(states, path)
    assert HyenaDNAFiles.recognises(path)
    spec = computes_what(path, model)
    assert (spec.vocab_size, spec.padded_vocab_size, spec.l_max) == (16, 16, 20)
    assert computes_what(path, model, vocab_size=12, pad_vocab_size_multiple=8).vocab_size == 12


def test_several_files_are_one_model(tmp_path: Path) -> None:
    model = made()
    states = hub_states(model.state_dict())
    names = {name: f"model-{1 + i % 2}.safetensors" for i, name in enumerate(states)}
    for file in set(names.values()):
        save_file({n: states[n] for n in states if names[n] == file}, tmp_path / file)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": names}), encoding="utf-8")
    assert HyenaDNAFiles.recognises(tmp_path)
    computes_what(tmp_path, model)
    index.write_text(json.dumps({"weight_map": {"a": "../a.safetensors"}}), encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"files of its own folder, got '\.\./a"):
        HyenaDNAFiles.read(tmp_path)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("save", [original, hub])
def test_half_precision_is_read_exactly(save: Any, dtype: str, tmp_path: Path) -> None:
    model = made().to(getattr(torch, dtype))
    path = save(tmp_path, model.state_dict())
    for layer in model.float().backbone.layers:
        layer.mixer.filter_fn.pos_emb.t = torch.linspace(0, 1, 20)[None, :, None]
    # the other tables count as the file has them, rounded too
    spec = computes_what(path, model)
    assert (spec.learn_positions, spec.learn_decay) == (True, True)


@pytest.mark.parametrize(
    ("head", "bias"), [("head", True), ("decoder.0", True), ("score", False), ("score", True)]
)
def test_classifier_keeps_its_head(head: str, bias: bool, tmp_path: Path) -> None:
    model = made(twin.Classifier, n_classes=3)
    if not bias:
        torch.nn.init.zeros_(model.head.output_transform.bias)
    named = head if head == "score" else f"{head}.output_transform"
    states = {n.replace("head.output_transform", named): t for n, t in model.state_dict().items()}
    if not bias:
        del states[f"{named}.bias"]
    path = tmp_path / "weights.ckpt"
    torch.save({"state_dict": states}, path)
    spec = computes_what(path, model, pooling="mean")
    assert (spec.head, spec.classes, spec.head_bias) == ("classification", 3, bias)
    default = HyenaDNAFiles.read(path)[""].spec
    assert isinstance(default, HyenaDNA)
    assert default.pooling == ("last" if head == "score" else "mean")


def test_new_head_goes_on_an_old_backbone(tmp_path: Path) -> None:
    model = made()
    path = original(tmp_path, model.state_dict())
    options = {"head": "classification", "classes": 4}
    first, again, other = (
        HyenaDNAFiles.read(path, **options, seed=seed)[""].parameters for seed in (1, 1, 2)
    )
    assert first["head.kernel"].shape == (6, 4)
    np.testing.assert_array_equal(first["head.kernel"], again["head.kernel"])
    assert (first["head.kernel"] != other["head.kernel"]).any()
    np.testing.assert_array_equal(first["norm.beta"], model.backbone.ln_f.bias.detach().numpy())
    with pytest.raises(SpecError, match="expected classes with head='classification'"):
        HyenaDNAFiles.read(path, head="classification")


def test_features_come_without_the_head(tmp_path: Path) -> None:
    model = made()
    path = hub(tmp_path, model.state_dict())
    assert computes_what(path, model.backbone, head=None).head is None


def test_head_of_its_own_is_not_tied(tmp_path: Path) -> None:
    model = made()
    model.lm_head.weight = torch.nn.Parameter(torch.randn(16, 6))
    assert not computes_what(hub(tmp_path, model.state_dict()), model).tie_embeddings


def test_biases_that_a_training_code_leaves_out_are_zero(tmp_path: Path) -> None:
    model = made()
    left_out = ("in_proj.bias", "filter_fn.bias")
    for name, parameter in model.named_parameters():
        if name.endswith(left_out):
            torch.nn.init.zeros_(parameter)
    states = {n: t for n, t in model.state_dict().items() if not n.endswith(left_out)}
    assert len(states) == len(model.state_dict()) - 4
    computes_what(original(tmp_path, states), model)


@pytest.mark.parametrize("layout", ["order", "value"])
def test_order_three_needs_its_layout(layout: str, tmp_path: Path) -> None:
    model = made(order=3, value_major=layout == "value", shift=0.0)
    path = original(tmp_path, model.state_dict())
    with pytest.raises(FileFormatError, match=r"expected layout= for order 3.*Pass layout='value'"):
        HyenaDNAFiles.read(path)
    assert computes_what(path, model, layout=layout, shift=0.0).order == 3


def test_order_three_of_the_hub_has_one_layout(tmp_path: Path) -> None:
    model = made(order=3)
    computes_what(hub(tmp_path, model.state_dict(), {**HUB, "hyena_order": 3}), model)


def test_trained_tables_are_kept(tmp_path: Path) -> None:
    model = made(train_positions=True, train_decay=True)
    spec = computes_what(original(tmp_path, model.state_dict()), model)
    assert (spec.learn_positions, spec.learn_decay) == (True, True)


def test_config_says_what_tensors_do_not(tmp_path: Path) -> None:
    model = made(modulate=False, layer_norm_epsilon=1e-3)
    layer = {**ORIGINAL["layer"], "modulate": False}
    config = {**ORIGINAL, "layer": layer, "layer_norm_epsilon": 1e-3, "resid_dropout": 0.2}
    spec = computes_what(original(tmp_path, model.state_dict(), config), model)
    assert (spec.modulate, spec.residual_dropout) == (False, 0.2)


def test_length_is_of_the_config_when_tables_are_not_saved(tmp_path: Path) -> None:
    model = made()
    tables = ("pos_emb.z", "pos_emb.t", "deltas")
    states = {n: t for n, t in model.state_dict().items() if not n.endswith(tables)}
    computes_what(hub(tmp_path, states), model)
    (tmp_path / "config.json").unlink()
    computes_what(tmp_path, model, l_max=20)
    with pytest.raises(FileFormatError, match=r"expected l_max.*Pass l_max="):
        HyenaDNAFiles.read(tmp_path)


def test_fixed_frequency_is_no_parameter(tmp_path: Path) -> None:
    model = made()
    states = model.state_dict()
    for name in states:
        if name.endswith(".freq"):
            states[name] = torch.full((1, 8), 7.0)
    model.load_state_dict(states)
    spec = computes_what(hub(tmp_path, states, {**HUB, "train_freq": False}), model)
    assert (spec.learn_frequency, spec.frequency) == (False, 7.0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"l_max": 40}, ParameterError, "expected l_max=20, as the checkpoint has it, got 40"),
        ({"units": 7}, ParameterError, "with the shapes that its options give, got others"),
        ({"inner_size": 7}, ParameterError, "these parameters do not fit HyenaDNA"),
        ({"depth": 3}, UnknownNameError, "unknown option of this checkpoint 'depth'"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    path = original(tmp_path, made().state_dict())
    with pytest.raises(error, match=message):
        HyenaDNAFiles.read(path, **options)


def without(name: str) -> Callable[[States], Any]:
    return lambda states: states.pop(name)


def with_one(name: str, *shape: int) -> Callable[[States], Any]:
    return lambda states: states.update({name: torch.ones(shape)})


MIXER = "backbone.layers.1.mixer"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without(f"{MIXER}.out_proj.bias"), rf"a tensor '{MIXER}\.out_proj\.bias', got none"),
        (with_one(f"{MIXER}.ord_proj_w", 2), rf"also got {MIXER}\.ord_proj_w"),
        (with_one(f"{MIXER}.filter_fn.implicit_filter.6.bias", 6), r"implicit_filter\.6\.bias"),
        (with_one(f"{MIXER}.filter_fn.implicit_filter.3.freq", 1, 8), "one frequency for all"),
        (without("backbone.embeddings.word_embeddings.weight"), "expected the tensors of one Hye"),
    ],
)
def test_tensors_of_another_model_are_refused(change: Any, message: str, tmp_path: Path) -> None:
    states = made().state_dict()
    change(states)
    with pytest.raises(FileFormatError, match=message):
        HyenaDNAFiles.read(original(tmp_path, states))


def test_configs_of_other_operators_are_refused(tmp_path: Path) -> None:
    config = {**ORIGINAL, "layer": {**ORIGINAL["layer"], "num_heads": 2}}
    path = original(tmp_path, made().state_dict(), config)
    with pytest.raises(FileFormatError, match=r"expected num_heads=1 in config\.json, got 2"):
        HyenaDNAFiles.read(path)


def test_config_of_another_model_beside_a_file_is_not_looked_at(tmp_path: Path) -> None:
    model = made()
    original(tmp_path, model.state_dict(), {"model_type": "bert", "vocab_size": 99})
    assert computes_what(tmp_path, model).vocab_size == 16
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"config\.json cannot be read as JSON"):
        HyenaDNAFiles.read(tmp_path)


def test_damaged_files_are_refused_and_not_recognised(tmp_path: Path) -> None:
    path = original(tmp_path, made().state_dict()) / "weights.ckpt"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert not HyenaDNAFiles.recognises(path)
    with pytest.raises(FileFormatError, match=r"cannot be read as a file of torch\.save"):
        HyenaDNAFiles.read(path)
    other = tmp_path / "model.safetensors"
    other.write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    assert not HyenaDNAFiles.recognises(other)
    other.write_bytes(b"\xff" * 40)
    assert not HyenaDNAFiles.recognises(other)
    with pytest.raises(FileFormatError, match="cannot be read as a safetensors file"):
        HyenaDNAFiles.read(other)


def test_tensors_outside_of_their_storage_are_refused(tmp_path: Path) -> None:
    states, path = made().state_dict(), tmp_path / "weights.ckpt"
    numbers = torch.arange(6.0)
    states["backbone.ln_f.weight"] = numbers
    torch.save(states, path)
    replace_in(path, {"data.pkl": (pickled(6), pickled(7))})
    with pytest.raises(FileFormatError, match=r"inside of their storage, got shape \(7,\)"):
        HyenaDNAFiles.read(path)


def pickled(size: int) -> bytes:
    """A shape (size,) and strides (1,) as a pickle has them one after the other."""
    return b"K%c\x85q" % size


def replace_in(
    path: Path, changes: dict[str, tuple[bytes, bytes]], kind: int = zipfile.ZIP_STORED
) -> None:
    """Rewrite an archive with other bytes in some entries."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in entries.items():
            for end, (old, new) in changes.items():
                if name.endswith(end):
                    assert old in content
                    content = content.replace(old, new)
            archive.writestr(name, content)


def test_compressed_archives_are_refused(tmp_path: Path) -> None:
    path = original(tmp_path, made().state_dict()) / "weights.ckpt"
    replace_in(path, {}, zipfile.ZIP_DEFLATED)
    with pytest.raises(FileFormatError, match="expected plain entries"):
        HyenaDNAFiles.read(path)


def test_views_and_shared_storages_are_read_as_they_are(tmp_path: Path) -> None:
    model = made()
    base = torch.randn(10, 12, 6)
    states = model.state_dict()
    states["backbone.layers.0.mlp.fc1.weight"] = base[:, 3]
    states["backbone.layers.0.mlp.fc2.weight"] = base[:, 5].T
    states["backbone.ln_f.weight"] = torch.nn.Parameter(base[0, 0])
    model.load_state_dict(states)
    path = tmp_path / "weights.pt"
    torch.save(states, path)
    computes_what(path, model)


def test_folder_without_weights_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"one file of weights \(model.safetensors.*got none"):
        HyenaDNAFiles.read(write_config(tmp_path, HUB))
    for name in ("a.ckpt", "b.ckpt"):
        torch.save({}, tmp_path / name)
    with pytest.raises(FileFormatError, match=r"got a\.ckpt, b\.ckpt"):
        HyenaDNAFiles.read(tmp_path)


def test_what_is_no_state_dict_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.ckpt"
    torch.save([torch.ones(2)], path)
    with pytest.raises(FileFormatError, match=r"expected a state dict.*got another object"):
        HyenaDNAFiles.read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "")
    with pytest.raises(
        FileFormatError, match=r"expected a file of torch\.save, got another archive"
    ):
        HyenaDNAFiles.read(path)


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt", "folder"])
def test_files_of_others_are_not_recognised(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    states = torch.nn.Linear(2, 2).state_dict()
    if name == "folder":
        path.mkdir()
        write_config(path, {"model_type": "bert"})
    elif name == "model.pt":
        torch.save(states, path)
    else:
        save_file(states, path)
    assert not HyenaDNAFiles.recognises(path)
