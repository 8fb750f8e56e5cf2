"""The spec of a HyenaDNA from its config and its tensors."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ncps.errors import FileFormatError, ParameterError
from ncps_hyena.checkpoints._layout import EMBEDDINGS, HEADS, apart, frequency, inside
from ncps_hyena.specs import HyenaDNA

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
Options = dict[str, Any]

# names of the original configs and of the hub's, of what the tensors do not tell
_CALLED = {
    "activation_freq": "frequency",
    "dropout": "dropout",
    "embed_dropout": "embedding_dropout",
    "fast_decay_pct": "fast_decay",
    "hyena_dropout": "dropout",
    "initializer_range": "initializer_range",
    "layer_norm_epsilon": "layer_norm_epsilon",
    "modulate": "modulate",
    "pad_vocab_size_multiple": "pad_vocab_size_multiple",
    "resid_dropout": "residual_dropout",
    "shift": "shift",
    "slow_decay_pct": "slow_decay",
    "target": "decay_target",
    "train_freq": "learn_frequency",
    "vocab_size": "vocab_size",
    "w": "frequency",
}
# what a config may ask for and no layer here does, with the values that ask for nothing
_PLAIN: dict[str, tuple[Any, ...]] = {
    "activation": ("id", None),
    "bidirectional": (False,),
    "inner_factor": (1,),
    "linear_mixer": (False,),
    "normalized": (False,),
    "num_blocks": (1,),
    "num_heads": (1,),
    "outer_mixing": (False,),
    "post_order_ffn": (False,),
}


def make_spec(arrays: Arrays, config: Mapping[str, Any], given: Options) -> HyenaDNA:
    """The spec: what is given, over what the config says, over what the tensors say."""
    flat = _flat(config)
    mixer = inside(arrays, "backbone.layers.0.mixer")
    said = {_CALLED[name]: value for name, value in flat.items() if name in _CALLED}
    found = {**_sizes(arrays, flat), **said, **_head(arrays, given), **given}
    spec = HyenaDNA(**_positions(mixer, found))
    if spec.order > 2 and "layout" not in given and config.get("model_type") != "hyenadna":
        raise FileFormatError(
            f"HyenaDNA expected layout= for order {spec.order}, which neither tensors nor config "
            "tell, got none. Pass layout='value' for a file of the training code, 'order' for one "
            "of the standalone file."
        )
    return dataclasses.replace(spec, **_tables(spec, mixer, given))


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    layer = config.get("layer", {})
    flat = {**config, **layer}
    for name, plain in _PLAIN.items():
        if name in flat and flat[name] not in plain:
            raise FileFormatError(
                f"HyenaDNA expected {name}={plain[0]!r} in config.json, got {flat[name]!r}: no "
                "released model has it and it has no meaning here."
            )
    return flat


def _sizes(arrays: Arrays, flat: Mapping[str, Any]) -> Options:
    """What the shapes of the tensors tell; the length is the config's unless there is a table."""
    table = arrays[EMBEDDINGS]
    block = inside(arrays, "backbone.layers.0")
    mixer, network = inside(block, "mixer"), inside(block, "mixer.filter_fn.implicit_filter")
    first = network["0.weight"]
    places = [int(n.removesuffix(".weight")) for n in network if n.endswith(".weight")]
    layers = {int(m[1]) for n in arrays if (m := re.match(r"backbone\.layers\.(\d+)\.", n))}
    found: Options = {
        "units": table.shape[1],
        "num_layers": max(layers) + 1,
        "vocab_size": len(table),
        "inner_size": len(block["mlp.fc1.weight"]),
        "order": len(mixer["in_proj.weight"]) // table.shape[1] - 1,
        "filter_order": len(first),
        "emb_dim": first.shape[1],
        "num_inner": max(places) // 2 - 1,
        "short_filter_order": mixer["short_filter.weight"].shape[-1],
    }
    if "vocab_size" not in flat:
        found["pad_vocab_size_multiple"] = 1
    length = flat.get("l_max", flat.get("max_seq_len"))
    return found if length is None else {**found, "l_max": length}


def _head(arrays: Arrays, given: Options) -> Options:
    """The head that the file has, unless another one is given."""
    own = next((name for name in HEADS if f"{name}.weight" in arrays), None)
    output = arrays.get("lm_head.weight")
    default = "classification" if own else None if output is None else "lm"
    head = given.get("head", default)
    found: Options = {"head": head}
    if head == "lm":
        tied = output is None or np.array_equal(output, arrays[EMBEDDINGS])
        return {**found, "tie_embeddings": tied}
    if head == "classification" and own is not None:
        found |= {"classes": len(arrays[f"{own}.weight"]), "head_bias": f"{own}.bias" in arrays}
        found["pooling"] = "last" if own == "score" else "mean"
    return found


def _positions(mixer: Arrays, found: Options) -> Options:
    """The length that z has, if the file has z."""
    z = mixer.get("filter_fn.pos_emb.z")
    if z is None:
        if "l_max" not in found:
            raise FileFormatError(
                "HyenaDNA expected l_max, the length that its filters are stretched over, got no "
                "table and no config that tells it. Pass l_max=."
            )
        return found
    if found.setdefault("l_max", z.shape[1]) != z.shape[1]:
        raise ParameterError(
            f"HyenaDNA expected l_max={z.shape[1]}, as the checkpoint has it, got "
            f"{found['l_max']}: its filters would be others. Leave l_max out."
        )
    return found


def _tables(spec: HyenaDNA, mixer: Arrays, given: Options) -> Options:
    """Which tables are more than what is computed for such a layer: those were trained."""
    found: Options = {}
    z = mixer.get("filter_fn.pos_emb.z")
    if z is not None and "learn_positions" not in given:
        # float32 tables err by some units in the last place of the largest angle
        found["learn_positions"] = not np.allclose(z[0], spec.positions(), 0, 2e-6 * spec.emb_dim)
    deltas = mixer.get("filter_fn.modulation.deltas")
    if spec.modulate and deltas is not None and "learn_decay" not in given:
        own = apart(spec, deltas.reshape(-1))
        found["learn_decay"] = not np.allclose(own, spec.deltas(), 1e-5, 0)
    if not spec.learn_frequency:
        values = frequency(inside(mixer, "filter_fn"))
        if np.ptp(values) == 0:
            found["frequency"] = float(values.flat[0])
        else:
            found["learn_frequency"] = True
    return found
