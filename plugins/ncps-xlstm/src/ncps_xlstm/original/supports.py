"""What the package's modules cannot be; imports no framework."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from ncps.specs import Spec
from ncps_xlstm.specs import LanguageModelSpec, mLSTMBlock, sLSTMBlock, xLSTMLarge, xLSTMLargeBlock

# the package's words for activations
ACTIVATIONS = {
    "gelu": "gelu",
    "relu": "relu",
    "sigmoid": "sigmoid",
    "silu": "swish",
    "selu": "selu",
}


def why_not(spec: Spec, sizes: bool = True) -> str | None:
    """Why the package has no module for this configuration, or None; `sizes` too, or not yet."""
    blocks: Any = getattr(spec, "blocks", (spec,))
    if {getattr(block, "activation", "gelu") for block in blocks} - ACTIVATIONS.keys():
        return f"its feed-forward layers have one of {', '.join(ACTIVATIONS)}"
    if sizes and any(_size(block) == block.num_heads for block in blocks):
        return "its norm within heads needs two features of a head or more"
    if isinstance(blocks[0], xLSTMLargeBlock) and find_spec("mlstm_kernels") is None:
        return "its xLSTM Large needs the package mlstm_kernels, which is not installed"
    if isinstance(spec, LanguageModelSpec):
        if spec.head is None:
            return "its language models have a head"
        if isinstance(spec, xLSTMLarge) and spec.tie_weights:
            return "its xLSTM Large has a head of its own"
    return None


def _size(block: Any) -> int | None:
    """Features of all heads of a block whose norm is a group norm; None where it is not known."""
    if isinstance(block, mLSTMBlock) and (block.inner_size or block.input_size):
        return block.inner
    return block.input_size if isinstance(block, sLSTMBlock) else None
