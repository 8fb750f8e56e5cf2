r"""The long convolution, steps at a time: exact, and in O(log² L) a step instead of O(L).

Steps come in pieces of V = 2^k that begin at a multiple of V. After a piece, U is the largest power
of two that divides the number t of steps so far, and what the last U steps add to the next U is
computed at once, by transforms of length 2U:

.. math:: a_{t+i} = \sum_{j=1}^{U} h_{i+j} \odot u_{t-j},\quad i = 0 \dots U-1

Every pair of a step and a later one belongs to one such square, or lies within a piece:

    v_t = s ⊙ u_t + Σ_{j within the piece} h_j ⊙ u_{t-j} + Σ_{squares} a_t

A state has what the binary digits 1 of t need, the largest first: the block of so many steps, not
yet used for what is beyond its square, and the window of sums for as many steps from its end on. A
window holds what the one below it has for the same steps, so that a step reads one entry; it ends
where the next digit up is carried to. Nothing is changed in place: an old state can be used again.

u, v (B, D, V), h (D, l_max), s (D,). Held to the plain convolution of the whole, for any pieces, by
`test_torch_stream.py`.

Source: relaxed multiplication (van der Hoeven 2002); Oncescu et al. 2024, arXiv:2410.12982.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ncps_hyena.torch.kernels._long import long_plain

# squares up to this size are matrix products
DIRECT = 32
# transforms of the filter for squares up to this size are kept: larger ones are rare
KEPT = 4096


class Stream(NamedTuple):
    """What a long convolution carries from step to step; see this module."""

    steps: int
    blocks: tuple[Tensor, ...] = ()
    windows: tuple[Tensor, ...] = ()


class StreamFilter:
    """Filters (D, l_max) and skips (D,), with what the squares of each size take."""

    def __init__(self, h: Tensor, s: Tensor) -> None:
        self.h, self.s = h, s
        self.now = h[:, :1] + s[:, None]
        self._kept: dict[int, Tensor] = {}

    def square(self, block: Tensor) -> Tensor:
        """What the U steps of a block add to the U steps after them (B, D, U)."""
        U = block.shape[-1]
        if U == 1 or not block.shape[0]:
            return block * self.h[:, 1:2]
        if U <= DIRECT:
            return torch.bmm(block.transpose(0, 1), self._of(U)).transpose(0, 1)
        both: Tensor = torch.fft.irfft(torch.fft.rfft(block, n=2 * U) * self._of(U), n=2 * U)
        return both[..., U:]

    def _of(self, U: int) -> Tensor:
        found = self._kept.get(U)
        if found is None:
            found = _matrix(self.h, U) if U <= DIRECT else torch.fft.rfft(self.h[:, : 2 * U], 2 * U)
            if U <= KEPT:
                self._kept[U] = found
        return found


def stream(filters: StreamFilter, u: Tensor, state: Stream | None) -> tuple[Tensor, Stream]:
    """v of the steps u (B, D, S), and the state after them; all together at most l_max."""
    state = Stream(0) if state is None else state
    steps = u.shape[-1]
    if steps == 1:
        return _piece(filters, u, state)
    found, done = [], 0
    while done < steps:
        # the largest piece that begins where it may and is not longer than what is left
        size = 1 << ((steps - done).bit_length() - 1)
        if state.steps:
            size = min(size, _lowest(state.steps))
        # a copy: a view would keep all of u in memory
        v, state = _piece(filters, u[..., done : done + size].clone(), state)
        found.append(v)
        done += size
    return torch.cat(found, dim=-1) if found else u, state


def _piece(filters: StreamFilter, u: Tensor, state: Stream) -> tuple[Tensor, Stream]:
    size = u.shape[-1]
    v = u * filters.now if size == 1 else long_plain(u, filters.h[:, :size], filters.s)
    if state.windows:
        v = v + state.windows[-1][..., :size]
    return v, _after(filters, u, state)


def _after(filters: StreamFilter, u: Tensor, state: Stream) -> Stream:
    """The state with a piece added to it."""
    l_max = filters.h.shape[-1]
    steps = state.steps + u.shape[-1]
    if steps >= l_max:
        return Stream(steps)
    U = _lowest(steps)
    # the digits below are carried into U: those of U/2, U/4, …, of the piece's size
    carried = (U // u.shape[-1]).bit_length() - 1
    below = len(state.blocks) - carried
    block = torch.cat([*state.blocks[below:], u], dim=-1) if carried else u
    window = filters.square(block)[..., : l_max - steps]
    if below:
        window = window + state.windows[below - 1][..., U : U + window.shape[-1]]
    elif U > 1:
        window = window.clone()
    if steps + U >= l_max:
        # the digit is never carried on: nothing will be asked of the block again
        block = block[..., :0].clone()
    return Stream(steps, (*state.blocks[:below], block), (*state.windows[:below], window))


def _lowest(count: int) -> int:
    """The largest power of two that divides a number above 0."""
    return count & -count


def _matrix(h: Tensor, U: int) -> Tensor:
    """The entry (i, j) is what step i of U adds to step j of the next U (D, U, U)."""
    steps = torch.arange(U, device=h.device)
    lags = U - steps[:, None] + steps
    # where the filter ends, the steps are past l_max
    return h[:, lags.clamp(max=h.shape[-1] - 1)]
