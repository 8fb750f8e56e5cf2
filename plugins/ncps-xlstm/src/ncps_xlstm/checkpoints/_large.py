"""The reader of xLSTM Large, as the package and the hub have it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ncps.canonical import Saved
from ncps.errors import FileFormatError, ParameterError
from ncps_xlstm.checkpoints._files import mentions, read_arrays, read_config
from ncps_xlstm.checkpoints._fit import check_options, described, fitted, inside, starting
from ncps_xlstm.checkpoints._safetensors import Arrays
from ncps_xlstm.layouts import large_map
from ncps_xlstm.specs import xLSTMLarge

Options = dict[str, Any]

_MARK = ".mlstm_layer."
_FIRST = "backbone.blocks.0.norm_mlstm.weight"
_HUB_TABLE = "backbone.embeddings.weight"
_HEAD = "lm_head.weight"
# weights of several projections in one, rows of the first above those of the next
_FUSED = {
    "qkv_opreact": ("q", "k", "v", "ogate_preact"),
    "ifgate_preact": ("igate_preact", "fgate_preact"),
    "proj_up_gate_z": ("proj_up_gate", "proj_up"),
}
# options that a config has under other names
_NAMES = {
    "epsilon": "norm_eps",
    "gate_soft_cap": "gate_soft_cap",
    "logit_soft_cap": "output_logit_soft_cap",
}
# sizes that a config may name, each under the first of these, beside the tensors that tell them
_SIZES = {
    "units": ("embedding_dim", "hidden_size"),
    "num_blocks": ("num_blocks", "num_hidden_layers"),
    "num_heads": ("num_heads",),
    "vocab_size": ("vocab_size",),
}


class Large:
    """xLSTM Large and 7B: a folder from the hub, one of the package, or a state dict alone.

    Files: a folder with config.json (the hub's) or config.yaml (the package's) and
    model.safetensors, or shards with their index, or model_0.safetensors and so on; a .safetensors
    file; or a file of torch.save (weights only). Safetensors files are mapped into memory, and
    their values read as the layer takes them. Single and fused weights are read.

    The tensors tell all sizes; the config the soft caps and the norms' ε, which are 15, 30 and 1e-6
    without one.
    """

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file or folder seems to be one; reads names only, and never raises."""
        return mentions(Path(path), _MARK)

    @staticmethod
    def read(path: Path, /, **options: Any) -> dict[str, Saved]:
        """The model under the prefix that it has in the state dict.

        Options: `prefix` restricts to what is under it; all others are options of `xLSTMLarge`, and
        win over the config and the tensors.

        Raises: FileFormatError for a file that is none, UnknownNameError for an unknown option or
        prefix, ParameterError when options, config and tensors disagree.
        """
        path = Path(path)
        arrays = read_arrays(path)
        under = starting(arrays, options.pop("prefix", ""))
        check_options(xLSTMLarge, options)
        own = inside(arrays, under)
        if _FIRST not in own:
            firsts = [n.removesuffix(_FIRST) for n in own if n.endswith(_FIRST)]
            hint = f" Pass prefix={firsts[0]!r}." if firsts else ""
            raise FileFormatError(
                f"{path} expected an xLSTM Large with its embedding and head, got no tensor "
                f"{under}{_FIRST}.{hint}"
            )
        config, where = read_config(path), str(path)
        own = described(where, lambda: _single(inside(arrays, under)))
        given = described(where, lambda: _options(path, own, config)) | options
        spec = xLSTMLarge.from_options(given)
        if spec.tie_weights:
            own.pop(_HEAD, None)
        rules = large_map(spec, hub=_HUB_TABLE in own)
        return {under.removesuffix("."): fitted(where, spec, rules, own)}


def _options(path: Path, arrays: Arrays, config: Options) -> Options:
    """What the tensors tell, and the config."""
    sizes = _sizes(arrays)
    for option, names in _SIZES.items():
        said = next((config[n] for n in names if config.get(n) is not None), None)
        if said is not None and said != sizes[option]:
            raise ParameterError(
                f"{path} expected tensors with the {option}={said} of its config, got "
                f"{sizes[option]}. The config or the tensors are of another model."
            )
    said = {option: config[name] for option, name in _NAMES.items() if name in config}
    return sizes | said | {"tie_weights": _tied(arrays, config)}


def _tied(arrays: Arrays, config: Options) -> bool:
    return _HEAD not in arrays or bool(config.get("tie_word_embeddings", False))


def _sizes(arrays: Arrays) -> Options:
    layer, block = "mlstm_layer.", inside(arrays, "backbone.blocks.0.")
    names = [n for n in arrays if re.fullmatch(r"backbone\.blocks\.\d+\.norm_mlstm\.weight", n)]
    table = arrays[_HUB_TABLE if _HUB_TABLE in arrays else "embedding.weight"]
    return {
        "vocab_size": len(table),
        "units": table.shape[1],
        "num_blocks": len(names),
        "num_heads": len(block[f"{layer}igate_preact.weight"]),
        "key_size": len(block[f"{layer}q.weight"]),
        "value_size": len(block[f"{layer}v.weight"]),
        "hidden_units": len(block["ffn.proj_up.weight"]),
        "use_bias": f"{layer}q.bias" in block,
        "final_norm": "backbone.out_norm.weight" in arrays,
    }


def _single(arrays: Arrays) -> Arrays:
    """The tensors by the package's names, each projection's on its own."""
    found: Arrays = {}
    for name, array in arrays.items():
        start, _, last = name.rpartition(".")
        head, _, part = start.rpartition(".")
        if part in _FUSED and head:
            ends = _ends(part, array, arrays, f"{head}.")
            pieces = np.split(array, ends)
            found |= {f"{head}.{p}.{last}": a for p, a in zip(_FUSED[part], pieces, strict=True)}
        else:
            found["embedding.weight" if name == "backbone.embedding.weight" else name] = array
    return found


def _ends(part: str, array: Any, arrays: Arrays, head: str) -> list[int]:
    """Where the rows of one projection end and those of the next begin."""
    if part != "qkv_opreact":
        return [len(array) // 2]
    values = arrays[f"{head}out_proj.weight"].shape[1]
    keys = len(array) // 2 - values
    return [keys, 2 * keys, 2 * keys + values]
