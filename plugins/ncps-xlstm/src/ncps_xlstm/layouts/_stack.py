"""The layout of the package's residual blocks, their stack and its language model.

Its sLSTM layer calls the projection of the gate i ``fgate`` and that of the gate f ``igate``; its
norms store their factors less 1; its linear layers store (out, in).
"""

from __future__ import annotations

from ncps.canonical import Inside, ParameterMap, Permute, Rename, Rule, SplitGates, Transpose
from ncps.errors import SpecError
from ncps.specs import Spec
from ncps_xlstm.layouts._rules import Biases, OneMore, Recurrent
from ncps_xlstm.specs import BlockSpec, mLSTMBlock, sLSTMBlock, xLSTMBlockStack, xLSTMLM

PROJECTIONS = {
    "fgate": "input_gate",
    "igate": "forget_gate",
    "zgate": "cell_gate",
    "ogate": "output_gate",
}


def stack_map(spec: Spec, cuda: bool = False) -> ParameterMap:
    """Names and shapes of a state dict of the package's module for this layer.

    With `cuda` sLSTM cells have the layout of its CUDA back end, else that of its vanilla one.

    Raises: SpecError for a layer that it has no module for.
    """
    if isinstance(spec, sLSTMBlock):
        return ParameterMap(_slstm_block(spec, cuda))
    if isinstance(spec, mLSTMBlock):
        return ParameterMap(_mlstm_block(spec))
    if isinstance(spec, xLSTMBlockStack):
        norm = [OneMore("post_blocks_norm.weight", "norm.gamma")] if spec.final_norm else []
        return ParameterMap([*_blocks("", spec.blocks, cuda), *norm])
    if isinstance(spec, xLSTMLM) and spec.head is not None:
        return ParameterMap(_lm(spec, cuda))
    raise SpecError(f"the package xlstm has no module for {spec}.")


def _blocks(prefix: str, blocks: tuple[BlockSpec, ...], cuda: bool) -> list[Rule]:
    return [
        Inside(f"{prefix}blocks.{i}.", f"blocks.{i}.", stack_map(block, cuda))
        for i, block in enumerate(blocks)
    ]


def _lm(spec: xLSTMLM, cuda: bool) -> list[Rule]:
    stack = "xlstm_block_stack."
    rules: list[Rule] = [Rename("token_embedding.weight", "embedding.embeddings")]
    rules += _blocks(stack, spec.blocks, cuda)
    if spec.final_norm:
        rules.append(OneMore(f"{stack}post_blocks_norm.weight", "norm.gamma"))
    if spec.has_kernel:
        rules.append(Transpose("lm_head.weight", "head.kernel"))
    return rules


def _slstm_block(spec: sLSTMBlock, cuda: bool) -> list[Rule]:
    inner, cell = "xlstm.", "xlstm.slstm_cell."
    rules: list[Rule] = [OneMore("xlstm_norm.weight", "norm.gamma")]
    if spec.kernel_size:
        rules += convolution(f"{inner}conv1d.conv")
    rules += [
        Permute(f"{inner}{native}.weight", f"{gate}.kernel", (0, 2, 1))
        for native, gate in PROJECTIONS.items()
    ]
    rules += [
        Recurrent(f"{cell}_recurrent_kernel_", cuda),
        Biases(f"{cell}_bias_", spec.num_heads, cuda),
        OneMore(f"{inner}group_norm.weight", "cell_norm.gamma"),
    ]
    if spec.feed_forward:
        rules.append(OneMore("ffn_norm.weight", "ffn_norm.gamma"))
        rules += halves("ffn.proj_up", ("ffn.gate", "ffn.up"), spec.use_bias)
        rules += linear("ffn.proj_down", "ffn.down", spec.use_bias)
    return rules


def _mlstm_block(spec: mLSTMBlock) -> list[Rule]:
    inner, cell = "xlstm.", "xlstm.mlstm_cell."
    rules: list[Rule] = [OneMore("xlstm_norm.weight", "norm.gamma")]
    rules += halves(f"{inner}proj_up", ("up", "gate"), spec.use_bias)
    rules += convolution(f"{inner}conv1d.conv")
    for native, name in (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value")):
        rules.append(Permute(f"{inner}{native}.weight", f"{name}.kernel", (0, 2, 1)))
        if spec.use_bias:
            rules.append(Rename(f"{inner}{native}.bias", f"{name}.bias"))
    for native, gate in (("igate", "input_gate"), ("fgate", "forget_gate")):
        rules += linear(f"{cell}{native}", gate, True)
    rules += [
        OneMore(f"{cell}outnorm.weight", "cell_norm.gamma"),
        Rename(f"{inner}learnable_skip", "skip"),
    ]
    return rules + linear(f"{inner}proj_down", "down", spec.use_bias)


def convolution(native: str) -> list[Rule]:
    """A depthwise convolution (C, 1, K)."""
    return [
        Permute(f"{native}.weight", "conv.kernel", (2, 1, 0)),
        Rename(f"{native}.bias", "conv.bias"),
    ]


def linear(native: str, canonical: str, bias: bool) -> list[Rule]:
    """A linear layer (out, in)."""
    weight = Transpose(f"{native}.weight", f"{canonical}.kernel")
    return [weight, Rename(f"{native}.bias", f"{canonical}.bias")] if bias else [weight]


def halves(native: str, canonical: tuple[str, str], bias: bool) -> list[Rule]:
    """Two linear layers in one, rows of the first above those of the second."""
    kernels = tuple(f"{name}.kernel" for name in canonical)
    biases = tuple(f"{name}.bias" for name in canonical)
    rules: list[Rule] = [SplitGates(f"{native}.weight", kernels, transpose=True)]
    return [*rules, SplitGates(f"{native}.bias", biases)] if bias else rules
