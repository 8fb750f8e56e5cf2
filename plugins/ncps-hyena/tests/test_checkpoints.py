"""Files in the layouts of HyenaDNA's public implementations compute what their models do.

The models are those of the twin in plain PyTorch; each test saves one as its source would.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import hyena_twin as twin  # noqa: E402
from hyena_files import (  # noqa: E402
    HUB,
    ORIGINAL,
    States,
    computes_what,
    hub,
    hub_states,
    made,
    original,
)
from safetensors.torch import save_file  # noqa: E402

import ncps  # noqa: E402
from ncps.errors import FileFormatError, ParameterError, SpecError, UnknownNameError  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402
from ncps_hyena.checkpoints import HyenaDNAFiles  # noqa: E402
from ncps_hyena.specs import HyenaDNA  # noqa: E402


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        yield


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
