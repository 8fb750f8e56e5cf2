"""The package's modules for our specs.

Sizes that it computes from factors, rounded, are asked for by half of the size rounded up to the
whole of it: factors in floating point alone could miss them by one.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import torch
from torch import nn

from ncps.errors import SpecError
from ncps.specs import Spec
from ncps_xlstm.original.supports import ACTIVATIONS
from ncps_xlstm.specs import (
    mLSTMBlock,
    sLSTMBlock,
    xLSTMBlockStack,
    xLSTMLarge,
    xLSTMLargeBlock,
    xLSTMLM,
)


def make(spec: Spec, double: bool = False) -> nn.Module:
    """The package's module for a spec, with values of its own; `double` for float64."""
    if isinstance(spec, sLSTMBlock):
        return _slstm_block(spec)
    if isinstance(spec, mLSTMBlock):
        return _mlstm_block(spec)
    if isinstance(spec, (xLSTMBlockStack, xLSTMLM)):
        return _stack(spec)
    if isinstance(spec, (xLSTMLarge, xLSTMLargeBlock)):
        return _large(spec, double)
    raise SpecError(f"the package xlstm has no module for {spec.layer}.")


def _package(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what another package says as it is imported
        return importlib.import_module(name)


def _slstm_block(spec: sLSTMBlock) -> nn.Module:
    xlstm, forward = _package("xlstm"), None
    layer = xlstm.sLSTMLayerConfig(
        embedding_dim=spec.known_input_size(),
        num_heads=spec.num_heads,
        conv1d_kernel_size=spec.kernel_size,
        dropout=spec.dropout,
        backend="vanilla",
    )
    if spec.feed_forward:
        forward = xlstm.FeedForwardConfig(
            **_rounded(spec.hidden_size, spec.known_input_size()),
            act_fn=ACTIVATIONS[spec.activation],
            dropout=spec.dropout,
            bias=spec.use_bias,
        )
    config = xlstm.sLSTMBlockConfig(layer, forward, _num_blocks=1, _block_idx=0)
    return _with_epsilon(xlstm.sLSTMBlock(config), spec.epsilon)


def _mlstm_block(spec: mLSTMBlock) -> nn.Module:
    xlstm = _package("xlstm")
    layer = xlstm.mLSTMLayerConfig(
        **_rounded(spec.inner, spec.known_input_size()),
        embedding_dim=spec.known_input_size(),
        num_heads=spec.num_heads,
        conv1d_kernel_size=spec.kernel_size,
        qkv_proj_blocksize=spec.block_size,
        dropout=spec.dropout,
        bias=spec.use_bias,
        context_length=1,
    )
    made: Any = xlstm.mLSTMBlock(xlstm.mLSTMBlockConfig(layer, _num_blocks=1, _block_idx=0))
    see(made, torch.ones(1, 1, dtype=torch.bool, device="cpu"))
    return _with_epsilon(made, spec.epsilon)


def _with_epsilon(module: nn.Module, epsilon: float) -> nn.Module:
    """The module, its norms with another ε than the package's."""
    for part in module.modules():
        if hasattr(part, "residual_weight"):
            part.eps = epsilon  # type: ignore[assignment]
    return module


def _rounded(size: int, of: int) -> dict[str, Any]:
    return {"proj_factor": 0.5 * size / of, "round_proj_up_to_multiple_of": size}


def see(block: Any, mask: torch.Tensor) -> None:
    """Give an mLSTM block the table of the steps that each step sees, whose size it fixes."""
    block.xlstm.mlstm_cell.causal_mask = mask


def _stack(spec: Any) -> nn.Module:
    xlstm = _package("xlstm")
    language = isinstance(spec, xLSTMLM)
    # the package gives all blocks of a kind the same options: ours take the place of its own one
    first = xlstm.sLSTMLayerConfig(num_heads=1, backend="vanilla")
    options = {
        "num_blocks": 1,
        "slstm_block": xlstm.sLSTMBlockConfig(first, None),
        "embedding_dim": spec.units if language else spec.known_input_size(),
        "add_post_blocks_norm": spec.final_norm,
        "dropout": spec.dropout,
    }
    if language:
        options |= {
            "vocab_size": spec.vocab_size,
            "tie_weights": spec.tie_weights,
            "add_embedding_dropout": spec.embedding_dropout,
        }
        made = xlstm.xLSTMLMModel(xlstm.xLSTMLMModelConfig(**options))
        stack = made.xlstm_block_stack
    else:
        made = stack = xlstm.xLSTMBlockStack(xlstm.xLSTMBlockStackConfig(**options))
    _with_epsilon(made, spec.epsilon)
    stack.blocks = nn.ModuleList(make(block) for block in spec.blocks)
    return made  # type: ignore[no-any-return]


def _large(spec: Any, double: bool) -> nn.Module:
    model = _package("xlstm.xlstm_large.model")
    block: Any = spec.blocks[0] if isinstance(spec, xLSTMLarge) else spec
    size = block.known_input_size()
    config = model.xLSTMLargeConfig(
        embedding_dim=size,
        num_heads=spec.num_heads,
        num_blocks=spec.num_blocks,
        vocab_size=getattr(spec, "vocab_size", 1),
        use_bias=spec.use_bias,
        norm_eps=spec.epsilon,
        norm_reduction_force_float32=not double,
        add_out_norm=getattr(spec, "final_norm", True),
        # the package rounds these down
        qk_dim_factor=(block.key_units + 0.5) / size,
        v_dim_factor=(block.value_units + 0.5) / size,
        ffn_proj_factor=(block.hidden_size + 0.25) / size,
        ffn_round_up_to_multiple_of=block.hidden_size,
        gate_soft_cap=spec.gate_soft_cap,
        output_logit_soft_cap=getattr(spec, "logit_soft_cap", None),
        chunkwise_kernel="chunkwise--native_autograd",
        sequence_kernel="native_sequence__native",
        step_kernel="native",
        mode="inference",
        chunk_size=spec.chunk_size,
        return_last_states=True,
        autocast_kernel_dtype="float32",
        inference_state_dtype="float64" if double else "float32",
    )
    made: nn.Module = (model.xLSTMLarge if block is not spec else model.mLSTMBlock)(config)
    return made
