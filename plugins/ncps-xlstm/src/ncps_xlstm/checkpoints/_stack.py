"""The reader of the package's blocks, block stacks and language models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ncps.canonical import Saved
from ncps.errors import FileFormatError
from ncps.specs import Spec
from ncps_xlstm.checkpoints._files import mentions, read_arrays
from ncps_xlstm.checkpoints._fit import check_options, described, fitted, inside, starting
from ncps_xlstm.checkpoints._safetensors import Arrays
from ncps_xlstm.layouts import stack_map
from ncps_xlstm.specs import mLSTMBlock, sLSTMBlock, xLSTMBlockStack, xLSTMLM

Options = dict[str, Any]

_NORM = "xlstm_norm.weight"
_STACK = "xlstm_block_stack."
_RECURRENT = "xlstm.slstm_cell._recurrent_kernel_"


class BlockStack:
    """State dicts of xLSTMLMModel, xLSTMBlockStack, sLSTMBlock and mLSTMBlock of xlstm 2.

    Files: .pt, .pth, .ckpt, .bin as torch.save writes them (weights only), with the state dict
    alone, under "state_dict" or under "model_state_dict"; .safetensors; or a folder with
    model.safetensors. The sLSTM cells may have the layout of the CUDA back end or of the vanilla
    one; the layer's swapped names of the gates i and f are set right.

    The tensors tell all sizes, the places of sLSTM blocks, biases, norms and a tied head. What they
    do not tell has the package's default: the feed-forward layer's activation (pass
    ``slstm={"activation": "relu"}``, or ``activation`` for a block), and dropout.
    """

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file seems to be one; reads names only, and never raises."""
        return mentions(Path(path), _NORM)

    @staticmethod
    def read(path: Path, /, **options: Any) -> dict[str, Saved]:
        """The model under the prefix that it has in the state dict.

        Options: `prefix` restricts to what is under it; all others are options of the spec, and
        win over what the tensors say.

        Raises: FileFormatError for a file that is none, UnknownNameError for an unknown option or
        prefix, ParameterError when options and tensors disagree.
        """
        arrays = read_arrays(Path(path))
        start = _start(inside(arrays, under := starting(arrays, options.pop("prefix", ""))), path)
        own = inside(arrays, under + start)
        rest = [n for n in inside(arrays, under) if not n.startswith(start)]
        if rest:
            raise FileFormatError(
                f"{path} expected one model of xlstm, under {start!r}, also got {rest[:8]}. Pass "
                f'prefix="{under}{start}" to read the model alone.'
            )
        saved = _read(str(path), own, options)
        return {(under + start).removesuffix("."): saved}


def _start(arrays: Arrays, path: Path) -> str:
    """What the names of the outermost model begin with."""
    marks = [name.removesuffix(_NORM) for name in arrays if name.endswith(_NORM)]
    if not marks:
        raise FileFormatError(
            f"{path} expected the state dict of a model of the package xlstm, got no tensor whose "
            f"name ends in {_NORM}. Pass format= if it is of another kind."
        )
    start = re.sub(r"blocks\.\d+\.$", "", marks[0])
    model = start.removesuffix(_STACK)
    return model if start != model and f"{model}token_embedding.weight" in arrays else start


def _read(where: str, arrays: Arrays, given: Options) -> Saved:
    known: type[Spec]
    lm = f"{_STACK}blocks.0.{_NORM}" in arrays
    if lm or f"blocks.0.{_NORM}" in arrays:
        known = xLSTMLM if lm else xLSTMBlockStack
        found = described(where, lambda: _model(arrays, lm, given))
    else:
        known = sLSTMBlock if _RECURRENT in arrays else mLSTMBlock
        found = described(where, lambda: _block(arrays) | given)
    check_options(known, given)
    spec = known.from_options(found)
    if lm and getattr(spec, "tie_weights", False):
        arrays = {n: a for n, a in arrays.items() if n != "lm_head.weight"}
    kernels = [a for n, a in arrays.items() if n.endswith(_RECURRENT)]
    return fitted(where, spec, stack_map(spec, cuda=any(map(_is_cuda, kernels))), arrays)


def _is_cuda(kernel: Any) -> bool:
    """Whether a recurrent kernel is (NH, d, 4·d), not (NH, 4·d, d)."""
    return bool(kernel.ndim == 3 and kernel.shape[2] == 4 * kernel.shape[1])


def _model(arrays: Arrays, lm: bool, given: Options) -> Options:
    """The options of a stack or language model."""
    stack = inside(arrays, _STACK) if lm else arrays
    blocks = _blocks(stack)
    found: Options = {
        "num_blocks": len(blocks),
        "slstm_at": tuple(i for i, block in enumerate(blocks) if _RECURRENT in block),
        "final_norm": "post_blocks_norm.weight" in stack,
    }
    size = len(blocks[0][_NORM])
    if lm:
        table, head = arrays["token_embedding.weight"], arrays.get("lm_head.weight")
        found |= {"vocab_size": len(table), "units": size}
        found["tie_weights"] = head is None or np.array_equal(table, head)
    else:
        found["input_size"] = size
    for kind in ("slstm", "mlstm"):
        own = next((b for b in blocks if (_RECURRENT in b) == (kind == "slstm")), None)
        shown = {} if own is None else _block(own)
        shown.pop("input_size", None)
        if own is not None:
            found["num_heads"] = shown["num_heads"]
        found[kind] = shown | dict(given.get(kind, ()))
    # one word for both kinds where there is one
    found["use_bias"] = bool(found["mlstm"].pop("use_bias", False))
    return found | {n: value for n, value in given.items() if n not in ("slstm", "mlstm")}


def _blocks(arrays: Arrays) -> list[Arrays]:
    count = len([n for n in arrays if re.fullmatch(rf"blocks\.\d+\.{re.escape(_NORM)}", n)])
    return [inside(arrays, f"blocks.{i}.") for i in range(count)]


def _block(arrays: Mapping[str, Any]) -> Options:
    """The options of a block."""
    conv = arrays.get("xlstm.conv1d.conv.weight")
    found: Options = {
        "input_size": len(arrays[_NORM]),
        "kernel_size": 0 if conv is None else conv.shape[-1],
    }
    if _RECURRENT not in arrays:
        return found | {
            "num_heads": len(arrays["xlstm.mlstm_cell.igate.weight"]),
            "inner_size": len(arrays["xlstm.learnable_skip"]),
            "block_size": arrays["xlstm.q_proj.weight"].shape[-1],
            "use_bias": "xlstm.proj_up.bias" in arrays,
        }
    found |= {
        "num_heads": len(arrays["xlstm.zgate.weight"]),
        "feed_forward": "ffn_norm.weight" in arrays,
        "use_bias": "ffn.proj_up.bias" in arrays,
    }
    if found["feed_forward"]:
        found["hidden_units"] = arrays["ffn.proj_down.weight"].shape[1]
    return found
