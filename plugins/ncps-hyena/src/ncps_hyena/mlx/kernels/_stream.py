r"""A causal convolution carried on by any number of steps, exactly, at O(log² T) a step.

.. math:: y_t = \sum_{s \le t} k_{t-s}\, u_s

The m steps that came are blocks whose sizes are the bits of m, the largest first, and a leaf of
fewer than `LEAF` steps. When a block of U steps is complete, [m - U, m), one product adds what it
contributes to the next U outputs, [m, m + U), to what older blocks contribute to them; a step
reads this sum at its place and adds what its own leaf contributes. Every pair s < t is met once:
the bits of t say in which block. A block of U is completed every 2U steps, and costs O(U log U).

Shapes: u, y (B, D, S); leaf (B, D, r); block i and its window of sums both (B, D, U_i), the window
cut off where the filter ends. States are not changed: an old one may be carried on again.

Held to the sum as written, and to its cost, by `test_mlx_stream.py`.
Source: relaxed multiplication, van der Hoeven 2002; Oncescu et al. 2024, arXiv:2410.12982.
"""

from __future__ import annotations

from typing import NamedTuple

import mlx.core as mx

from ncps_hyena.mlx.kernels._convolution import filtered
from ncps_hyena.mlx.kernels._filter import Filter

# a power of two; below it a sum over the steps is faster than a transform
LEAF = 64


class Stream(NamedTuple):
    """What a convolution remembers of the steps so far."""

    leaf: mx.array
    blocks: tuple[mx.array, ...] = ()
    windows: tuple[mx.array, ...] = ()

    @property
    def steps(self) -> int:
        """How many steps came, m."""
        return self.leaf.shape[-1] + sum(block.shape[-1] for block in self.blocks)


def stream_convolution(u: mx.array, k: Filter, state: Stream) -> tuple[mx.array, Stream]:
    """y (B, D, S) and the new state; all steps together are at most the filter's lags."""
    found, start, steps = [], 0, u.shape[-1]
    while start < steps:
        size = _piece(state, steps - start)
        piece = u[..., start : start + size]
        y, state = (_through if size >= LEAF else _within)(piece, k, state)
        found.append(y)
        start += size
    return _joined(found, u), state


def _piece(state: Stream, left: int) -> int:
    """How many of the steps that are left are run together."""
    leaf = state.leaf.shape[-1]
    if leaf or left < LEAF:
        return min(LEAF - leaf, left)
    size = 1 << (left.bit_length() - 1)
    # a block begins at a multiple of its size
    return min(size, state.blocks[-1].shape[-1]) if state.blocks else size


def _through(u: mx.array, k: Filter, state: Stream) -> tuple[mx.array, Stream]:
    """A whole block, after whole blocks."""
    size = u.shape[-1]
    y = filtered(u, k.spectrum(size, 2 * size), 2 * size, 0, size)
    return _with_window(y, state, 0), _completed(u, k, state)


def _within(u: mx.array, k: Filter, state: Stream) -> tuple[mx.array, Stream]:
    """Steps that complete no more than the leaf."""
    before, steps = state.leaf.shape[-1], u.shape[-1]
    leaf = mx.concatenate([state.leaf, u], axis=-1) if before else u
    if steps == 1:
        taps = k.reversed(LEAF)
        terms = leaf * taps[..., taps.shape[-1] - before - 1 :]
        y = mx.sum(terms, axis=-1, keepdims=True).astype(u.dtype)
    else:
        y = filtered(leaf, k.spectrum(LEAF, 2 * LEAF), 2 * LEAF, before, steps)
    y = _with_window(y, state, before)
    if leaf.shape[-1] == LEAF:
        return y, _completed(leaf, k, state)
    return y, state._replace(leaf=leaf)


def _with_window(y: mx.array, state: Stream, first: int) -> mx.array:
    """y and what the blocks contribute to it; the last window begins `first` steps before y."""
    if not state.windows:
        return y
    return y + state.windows[-1][..., first : first + y.shape[-1]].astype(y.dtype)


def _completed(block: mx.array, k: Filter, state: Stream) -> Stream:
    """The state with a block more: merged with its equals, its window on the stack."""
    blocks, windows = list(state.blocks), list(state.windows)
    while blocks and blocks[-1].shape[-1] == block.shape[-1]:
        windows.pop()
        block = mx.concatenate([blocks.pop(), block], axis=-1)
    size = block.shape[-1]
    seen = size + sum(b.shape[-1] for b in blocks)
    steps = min(size, k.longest - seen)
    # the block's first half wraps around onto outputs that are past
    sums = filtered(block.astype(mx.float32), k.window(2 * size), 2 * size, size, steps)
    if windows:
        sums = sums + windows[-1][..., size : size + steps]
    return Stream(block[..., :0], (*blocks, block), (*windows, sums))


def _joined(found: list[mx.array], like: mx.array) -> mx.array:
    if len(found) == 1:
        return found[0]
    return mx.concatenate(found, axis=-1) if found else like
