"""One step of a stack of blocks and of the language models. Tokens are integers (B,)."""

from __future__ import annotations

from ncps.reference.functions import Array, Parameters, State
from ncps_xlstm.reference._blocks import BLOCKS
from ncps_xlstm.reference._parts import capped, inside, layer_norm, rms_norm
from ncps_xlstm.specs import BlockSpec, LanguageModelSpec, xLSTMBlockStack, xLSTMLarge, xLSTMLM


def stack_step(spec: xLSTMBlockStack, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """The blocks one after the other, and the norm."""
    y, kept = through(spec.blocks, p, x, state[1:], dt)
    if spec.final_norm:
        y = layer_norm(p, "norm", y, spec.epsilon)
    return (y, *kept)


def lm_step(spec: xLSTMLM, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """The table's rows, the blocks, the norm and the head."""
    y, kept = through(spec.blocks, p, rows(spec, p, x), state[1:], dt)
    if spec.final_norm:
        y = layer_norm(p, "norm", y, spec.epsilon)
    return (head(spec, p, y), *kept)


def large_step(spec: xLSTMLarge, p: Parameters, x: Array, state: State, dt: Array) -> State:
    """The same with an RMS norm, and a cap on the logits."""
    y, kept = through(spec.blocks, p, rows(spec, p, x), state[1:], dt)
    if spec.final_norm:
        y = rms_norm(p, "norm", y, spec.epsilon)
    y = head(spec, p, y)
    return (y if spec.head is None else capped(y, spec.logit_soft_cap), *kept)


def through(
    blocks: tuple[BlockSpec, ...], p: Parameters, x: Array, state: State, dt: Array
) -> tuple[Array, State]:
    """y of the last block, and what all blocks keep but their y."""
    rest, new = list(state), list[Array]()
    for i, block in enumerate(blocks):
        size = len(block.state_shapes()) - 1
        own, rest = rest[:size], rest[size:]
        x, *kept = BLOCKS[block.layer](block, inside(p, f"blocks.{i}"), x, (x, *own), dt)
        new += kept
    return x, tuple(new)


def rows(spec: LanguageModelSpec, p: Parameters, x: Array) -> Array:
    """The vectors of tokens.

    Raises: IndicesError when x is not of integers, or an index is no token.
    """
    if x.dtype.kind not in "iu":
        raise spec.embedding.not_integers(str(x.dtype))
    if x.size:
        spec.embedding.check_range(int(x.min()), int(x.max()))
    y: Array = p["embedding.embeddings"][x]
    return y


def head(spec: LanguageModelSpec, p: Parameters, x: Array) -> Array:
    """The logits, or x without a head."""
    if spec.head is None:
        return x
    kernel = p["head.kernel"] if spec.has_kernel else p["embedding.embeddings"].T
    y: Array = x @ kernel
    return y
