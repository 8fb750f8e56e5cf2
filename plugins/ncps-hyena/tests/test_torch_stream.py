"""A long convolution on torch carried on in pieces: exact, functional, and what it costs."""

from __future__ import annotations

import math
import random

import pytest
import torch
from torch import Tensor

from ncps.testing import TOLERANCES
from ncps_hyena.torch.kernels import Stream, StreamFilter, _stream, long_plain, stream

LONGEST = 300
D = 3


def drawn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


U, H, S = drawn(2, D, LONGEST), drawn(D, LONGEST, seed=1), drawn(D, seed=2)
WHOLE = long_plain(U, H, S)

PIECES = {
    "single steps": [1] * LONGEST,
    "one piece": [LONGEST],
    "sevens": [7] * 42 + [6],
    "one past powers": [5, 9, 17, 33, 65, 129, 42],
    "prompt, then single steps": [100, *[1] * 200],
    "single steps, then a piece": [*[1] * 37, 200, *[1] * 63],
    "empty pieces": [0, 64, 0, 128, 1, 0, 107],
}


def carried(
    sizes: list[int], filters: StreamFilter, state: Stream | None = None, start: int = 0
) -> tuple[Tensor, Stream | None]:
    found = []
    for size in sizes:
        v, state = stream(filters, U[..., start : start + size].clone(), state)
        found.append(v)
        start += size
    return torch.cat(found, dim=-1), state


@pytest.mark.parametrize("direct", [1, 4, 32, 512])
@pytest.mark.parametrize("pieces", PIECES)
def test_pieces_give_the_whole(pieces: str, direct: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stream, "DIRECT", direct)
    v, state = carried(PIECES[pieces], StreamFilter(H, S))
    torch.testing.assert_close(v, WHOLE)
    assert state is not None
    assert state.steps == LONGEST


def test_pieces_at_random_give_the_whole() -> None:
    rng = random.Random(0)
    for length in (1, 2, 3, 31, 32, 33, 64, 65, 256, LONGEST):
        filters = StreamFilter(H[:, :length], S)
        for _ in range(5):
            cuts = sorted(rng.randint(0, length) for _ in range(rng.randint(0, 12)))
            sizes = [b - a for a, b in zip([0, *cuts], [*cuts, length], strict=True)]
            torch.testing.assert_close(carried(sizes, filters)[0], WHOLE[..., :length])


def test_an_old_state_can_be_used_again() -> None:
    filters = StreamFilter(H, S)
    _, middle = carried([50, 1, 1, 3], filters)
    assert middle is not None
    before = [t.clone() for t in (*middle.blocks, *middle.windows)]
    for sizes in ([1] * 90, [17, 73], [90]):
        torch.testing.assert_close(carried(sizes, filters, middle, 55)[0], WHOLE[..., 55:145])
    torch.testing.assert_close([*middle.blocks, *middle.windows], before, rtol=0, atol=0)


def test_gradients_through_pieces_are_those_of_the_whole() -> None:
    flat = [t[..., :80].clone().requires_grad_() for t in (U, H)] + [S.clone().requires_grad_()]
    weights = torch.linspace(-1, 2, 2 * D * 80, dtype=U.dtype).view(2, D, 80)
    expected = torch.autograd.grad(long_plain(*flat), flat, weights)
    filters, state, found = StreamFilter(*flat[1:]), None, []
    for piece in flat[0].split([37, *[1] * 43], dim=-1):
        v, state = stream(filters, piece, state)
        found.append(v)
    got = torch.autograd.grad(torch.cat(found, dim=-1), flat, weights)
    torch.testing.assert_close(got, expected)


def test_float32_keeps_its_digits_over_many_steps() -> None:
    u, h = drawn(1, 2, 3000), drawn(2, 3000, seed=1) / 50
    expected = long_plain(u, h, S[:2])
    filters = StreamFilter(h.float(), S[:2].float())
    state, found = None, []
    for piece in u.float().split(1, dim=-1):
        v, state = stream(filters, piece, state)
        found.append(v)
    got = torch.cat(found, dim=-1).double()
    torch.testing.assert_close(got, expected, **TOLERANCES["float32"].values)


@pytest.mark.parametrize("steps", [1, 5, 64, 127, 128, 255, 256, 299])
def test_a_state_is_no_longer_than_what_is_asked_of_it(steps: int) -> None:
    _, state = carried([1] * steps, StreamFilter(H, S))
    assert state is not None
    digits = [1 << i for i in reversed(range(9)) if steps >> i & 1]
    ends = [sum(digits[: i + 1]) for i in range(len(digits))]
    windows = [min(U, LONGEST - end) for U, end in zip(digits, ends, strict=True)]
    assert [w.shape[-1] for w in state.windows] == windows
    # a block whose digit is carried on past the end of the filter is not kept
    kept = [U if end + U < LONGEST else 0 for U, end in zip(digits, ends, strict=True)]
    assert [b.shape[-1] for b in state.blocks] == kept
    for t in (*state.blocks, *state.windows):
        # no view of something longer
        assert t.untyped_storage().nbytes() == t.numel() * t.element_size()


def test_the_last_step_leaves_an_empty_state() -> None:
    _, state = carried([LONGEST - 1, 1], StreamFilter(H, S))
    assert state == Stream(LONGEST)


def cost(steps: int, monkeypatch: pytest.MonkeyPatch) -> tuple[float, int]:
    """Σ U log U over the squares of single steps, a step; the most entries that a step reads."""
    squares, read = [], []
    square, piece = StreamFilter.square, _stream._piece

    def counted(self: StreamFilter, block: Tensor) -> Tensor:
        squares.append(block.shape[-1])
        return square(self, block)

    def seen(filters: StreamFilter, u: Tensor, state: Stream) -> tuple[Tensor, Stream]:
        read.append(u.shape[-1])
        return piece(filters, u, state)

    with monkeypatch.context() as patch:
        patch.setattr(StreamFilter, "square", counted)
        patch.setattr(_stream, "_piece", seen)
        filters, state = StreamFilter(torch.zeros(1, steps), torch.zeros(1)), None
        for _ in range(steps):
            _, state = stream(filters, torch.zeros(1, 1, 1), state)
    return sum(U * math.log2(2 * U) for U in squares) / steps, max(read)


def test_a_step_costs_the_square_of_a_logarithm(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = {n: cost(n, monkeypatch) for n in (2**8, 2**10, 2**12)}
    for n, (each, read) in costs.items():
        assert each <= math.log2(n) ** 2
        assert read == 1
    # a cost in proportion to the length would be 16 times as much
    assert costs[2**12][0] < 3 * costs[2**8][0]
