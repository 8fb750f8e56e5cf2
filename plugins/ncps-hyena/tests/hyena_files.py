"""Files as the public implementations of HyenaDNA write them, of models of the twin."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hyena_twin as twin
import numpy as np
import torch
from safetensors.torch import save_file

import ncps
from ncps.testing import TOLERANCES
from ncps_hyena.specs import HyenaDNA

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
