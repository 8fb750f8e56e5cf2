"""The package xlstm's own modules as a technology: held to the kit, and to themselves.

Needs the package: see conftest.py.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ncps
from ncps.conversion.tolerances import TOLERANCES
from ncps.errors import PluginError
from ncps.testing import LayerConformance

if os.environ.get("ORIGINAL_XLSTM"):
    sys.path.append(os.path.abspath(os.environ["ORIGINAL_XLSTM"]))
if find_spec("xlstm") is None:
    pytest.skip("needs the package xlstm: see conftest.py", allow_module_level=True)

torch = pytest.importorskip("torch")
SINGLE = TOLERANCES["float32"].values
STEPS = 9
LAYERS = {
    "sLSTMBlock": {"input_size": 8},
    "mLSTMBlock": {"input_size": 8},
    "xLSTMBlockStack": {"input_size": 8, "num_blocks": 2, "slstm_at": (0,)},
    "xLSTMLM": {"vocab_size": 11, "units": 8, "num_blocks": 2, "slstm_at": (1,)},
    "xLSTMLargeBlock": {"input_size": 16, "num_heads": 2},
    "xLSTMLarge": {"vocab_size": 11, "units": 16, "num_blocks": 2, "num_heads": 2},
}


class TestOriginal(LayerConformance):
    technology, framework = "xlstm.original", "torch"


def made(layer: str, **more: Any) -> Any:
    return ncps.create(layer, technology="xlstm.original", seed=0, **{**LAYERS[layer], **more})


def example(layer: Any) -> Any:
    drawn = layer.spec.draw(np.random.default_rng(0), (2, STEPS))
    return torch.as_tensor(drawn) if layer.spec.indices else torch.randn(2, STEPS, 16)[..., :8]


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_becomes_ours_and_comes_back(layer: str) -> None:
    original = made(layer)
    ours = ncps.convert(original, "xlstm", framework="torch")
    assert type(ours).__module__.startswith("ncps_xlstm.torch")
    back = ncps.convert(ours, "xlstm.original", framework="torch")
    for name, value in original.state_dict().items():
        np.testing.assert_allclose(back.state_dict()[name], value, **SINGLE)


@pytest.mark.parametrize("layer", ["mLSTMBlock", "sLSTMBlock", "xLSTMBlockStack", "xLSTMLM"])
def test_whole_sequences_are_the_packages_own_call(layer: str) -> None:
    stepwise, whole = made(layer), made(layer, return_state=False)
    x = example(whole)
    y = whole(x)
    torch.testing.assert_close(y, whole.original(x))
    torch.testing.assert_close(y, stepwise(x)[0], rtol=1e-4, atol=1e-5)


def test_masked_whole_sequences_are_those_of_the_steps() -> None:
    stepwise, whole = made("xLSTMBlockStack"), made("xLSTMBlockStack", return_state=False)
    x, mask = torch.randn(2, STEPS, 8), torch.rand(2, STEPS) > 0.4
    y, _ = stepwise(x, mask=mask)
    torch.testing.assert_close(whole(x, mask=mask), y, rtol=1e-4, atol=1e-5)


def test_state_that_is_given_is_used_without_one_wanted() -> None:
    stepwise, whole = made("mLSTMBlock"), made("mLSTMBlock", return_state=False)
    x = torch.randn(2, STEPS, 8)
    y, _ = stepwise(x)
    _, state = stepwise(x[:, :4])
    torch.testing.assert_close(whole(x[:, 4:], state), y[:, 4:], rtol=1e-4, atol=1e-5)


def test_checkpoint_of_the_package_loads_into_its_module(
    original: SimpleNamespace, tmp_path: Path
) -> None:
    xlstm = original.xlstm
    slstm = xlstm.sLSTMLayerConfig(num_heads=4, backend="vanilla")
    config = xlstm.xLSTMLMModelConfig(
        mlstm_block=xlstm.mLSTMBlockConfig(),
        slstm_block=xlstm.sLSTMBlockConfig(slstm=slstm, feedforward=xlstm.FeedForwardConfig()),
        context_length=STEPS,
        num_blocks=2,
        embedding_dim=8,
        slstm_at=[1],
        vocab_size=11,
    )
    theirs = xlstm.xLSTMLMModel(config).eval()
    layer = made("xLSTMLM", return_state=False)
    layer.original.load_state_dict(theirs.state_dict())
    x = example(layer)
    torch.testing.assert_close(layer(x), theirs(x))

    torch.save(theirs.state_dict(), tmp_path / "lm.pt")
    read = ncps.from_pretrained(tmp_path / "lm.pt", technology="xlstm.original")
    torch.testing.assert_close(read(x)[0], theirs(x), rtol=1e-4, atol=1e-5)


def test_tied_head_stays_one_tensor() -> None:
    layer = made("xLSTMLM", tie_weights=True)
    assert layer.original.lm_head.weight is layer.original.token_embedding.weight
    assert len([n for n, _ in layer.named_parameters() if "lm_head" in n or "token" in n]) == 1
    moved = layer.double()
    assert moved.original.lm_head.weight is moved.original.token_embedding.weight


def test_parameters_that_an_optimiser_has_are_those_of_the_built_layer() -> None:
    layer = made("xLSTMBlockStack", input_size=None)
    before = dict(layer.named_parameters())
    layer(torch.randn(2, 3, 12))
    after = dict(layer.named_parameters())
    assert before.keys() == after.keys()
    assert all(before[name] is p for name, p in after.items())


def test_ours_is_chosen_unless_the_package_is_named() -> None:
    layer = ncps.create("mLSTMBlock", framework="torch", input_size=8)
    assert type(layer).__module__.startswith("ncps_xlstm.torch")


@pytest.mark.parametrize(
    ("layer", "options", "reason"),
    [
        ("sLSTMBlock", {"activation": "tanh"}, "its feed-forward layers have one of gelu"),
        ("sLSTMBlock", {"num_heads": 8}, "two features of a head or more"),
        ("xLSTMLM", {"head": None}, "its language models have a head"),
        ("xLSTMLarge", {"tie_weights": True}, "has a head of its own"),
    ],
)
def test_what_the_package_cannot_be_is_refused(
    layer: str, options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(PluginError, match=reason):
        made(layer, **options)
