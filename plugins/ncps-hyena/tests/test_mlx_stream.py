"""A convolution on MLX carried on step by step: exact, functional, and what it costs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ncps.testing import TOLERANCES

mx = pytest.importorskip("mlx.core")

from ncps_hyena.mlx import kernels  # noqa: E402
from ncps_hyena.mlx.kernels import _fft, _stream  # noqa: E402

VALUES = TOLERANCES["float32"].values
LONGEST = 300
D = 3


@pytest.fixture(autouse=True)
def small_leaf(monkeypatch):
    monkeypatch.setattr(_stream, "LEAF", 4)


def normal(*shape, seed=0):
    rng = np.random.default_rng([seed, *shape])
    return mx.array(rng.standard_normal(shape).astype(np.float32))


U, K = normal(2, D, LONGEST), normal(D, LONGEST)
WHOLE = np.array(
    [
        [np.convolve(u, k)[:LONGEST] for u, k in zip(row, np.array(K, np.float64), strict=True)]
        for row in np.array(U, np.float64)
    ]
)


def close(got, expected):
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    bound = VALUES["rtol"] * scale + VALUES["atol"]
    np.testing.assert_allclose(np.array(got), expected, rtol=0, atol=bound)


def fresh(k=K):
    return kernels.Filter(lambda n: k[:, :n], k.shape[-1])


def empty(rows=2):
    return kernels.Stream(mx.zeros((rows, D, 0)))


def carried(sizes, k=None, state=None, start=0):
    k, state, found = k or fresh(), state or empty(), []
    for size in sizes:
        y, state = kernels.stream_convolution(U[..., start : start + size], k, state)
        found.append(y)
        start += size
    return mx.concatenate(found, axis=-1), state


PIECES = {
    "tokens": [1] * LONGEST,
    "one piece": [LONGEST],
    "sevens": [7] * 42 + [6],
    "one past powers": [5, 9, 17, 33, 65, 129, 42],
    "prompt, then tokens": [100, *[1] * 200],
    "tokens, then a piece": [*[1] * 37, 200, *[1] * 63],
    "empty pieces": [0, 64, 0, 128, 1, 0, 107],
}


@pytest.mark.parametrize("leaf", [1, 2, 4, 32, 64])
@pytest.mark.parametrize("pieces", PIECES)
def test_pieces_give_the_sum_over_all_steps(pieces, leaf, monkeypatch):
    monkeypatch.setattr(_stream, "LEAF", leaf)
    y, state = carried(PIECES[pieces])
    close(y, WHOLE)
    assert state.steps == LONGEST


def test_pieces_at_random_give_the_sum_over_all_steps():
    rng = np.random.default_rng(5)
    for _ in range(10):
        cuts = np.sort(rng.integers(0, LONGEST + 1, rng.integers(1, 12)))
        sizes = np.diff([0, *cuts, LONGEST]).tolist()
        close(carried(sizes)[0], WHOLE)


def test_transforms_taken_apart_stream_alike(monkeypatch):
    monkeypatch.setattr(_fft, "largest", lambda: 3)
    close(carried(PIECES["tokens, then a piece"])[0], WHOLE)


def test_a_filter_shorter_than_a_leaf(monkeypatch):
    monkeypatch.setattr(_stream, "LEAF", 64)
    for longest in (1, 2, 31):
        k = kernels.Filter(lambda n: K[:, :n], longest)
        for sizes in ([1] * longest, [longest], [longest - 1, 1]):
            close(carried(sizes, k)[0], WHOLE[..., :longest])


def test_an_old_state_can_be_carried_on_again():
    k = fresh()
    _, middle = carried([50, 1, 1, 3], k)
    before = [np.array(a) for a in (middle.leaf, *middle.blocks, *middle.windows)]
    first, _ = carried([1] * 90, k, middle, 55)
    second, _ = carried([17, 73], k, middle, 55)
    close(first, WHOLE[..., 55:145])
    close(second, WHOLE[..., 55:145])
    after = [np.array(a) for a in (middle.leaf, *middle.blocks, *middle.windows)]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("steps", [1, 5, 64, 127, 128, 255, 300])
def test_blocks_are_the_bits_of_the_steps_and_windows_end_with_the_filter(steps):
    _, state = carried([1] * steps)
    bits = [1 << i for i in reversed(range(2, 10)) if steps >> i & 1]
    assert [b.shape[-1] for b in state.blocks] == bits
    assert state.leaf.shape[-1] == steps % 4
    starts = np.cumsum([0, *bits])[1:]
    ends = [min(bit, LONGEST - start) for bit, start in zip(bits, starts, strict=True)]
    assert [w.shape[-1] for w in state.windows] == ends


def test_an_empty_piece_changes_nothing():
    _, state = carried([70])
    y, again = kernels.stream_convolution(U[..., :0], fresh(), state)
    assert y.shape == (2, D, 0)
    assert again is state


def cost(steps, monkeypatch):
    """Σ n log n over the transforms of `steps` single steps, and the largest array of a step."""
    sizes, read = [], []
    filtered, window = _stream.filtered, _stream._with_window

    def counted(u, k, n, first, many):
        sizes.append(n)
        return filtered(u, k, n, first, many)

    def seen(y, state, first):
        read.append(y.shape[-1])
        return window(y, state, first)

    with monkeypatch.context() as patch:
        patch.setattr(_stream, "filtered", counted)
        patch.setattr(_stream, "_with_window", seen)
        k, state = kernels.Filter(lambda n: mx.zeros((1, n)), steps), empty_of_one()
        for _ in range(steps):
            _, state = kernels.stream_convolution(mx.zeros((1, 1, 1)), k, state)
    assert read == [1] * steps
    return sum(n * math.log2(n) for n in sizes) / steps


def empty_of_one():
    return kernels.Stream(mx.zeros((1, 1, 0)))


def test_a_step_costs_the_square_of_a_logarithm(monkeypatch):
    costs = {n: cost(n, monkeypatch) for n in (2**8, 2**10, 2**12)}
    for n, each in costs.items():
        # at every level of log2 n a product of size 2U once in 2U steps: log2(2U) a step
        assert each <= math.log2(n) ** 2
    # quadratic in the logarithm: the differences grow, and by little; linear cost would be 16 times
    assert costs[2**12] < 3 * costs[2**8]


def test_a_state_is_no_longer_than_what_it_remembers():
    for steps in (37, 128, 300):
        _, state = carried([1] * steps)
        assert sum(b.shape[-1] for b in state.blocks) + state.leaf.shape[-1] == steps
        assert sum(w.shape[-1] for w in state.windows) <= steps


def test_half_precision_keeps_its_sums_in_float32():
    k, state = fresh(), kernels.Stream(mx.zeros((2, D, 0), mx.bfloat16))
    u = U.astype(mx.bfloat16)
    found = []
    for t in range(130):
        y, state = kernels.stream_convolution(u[..., t : t + 1], k, state)
        found.append(y)
    assert {y.dtype for y in found} == {mx.bfloat16}
    assert {w.dtype for w in state.windows} == {mx.float32}
    whole = kernels.long_convolution(u[..., :130], K)
    got, expected = (
        np.array(a.astype(mx.float32)) for a in (mx.concatenate(found, axis=-1), whole)
    )
    bounds = TOLERANCES["bfloat16"].values
    scale = np.abs(expected).max()
    np.testing.assert_allclose(got, expected, rtol=0, atol=bounds["rtol"] * scale)


def run(u, k=K):
    y, state = kernels.stream_convolution(u[..., :70], fresh(k), empty(u.shape[0]))
    found = [y]
    for t in range(70, 80):
        y, state = kernels.stream_convolution(u[..., t : t + 1], fresh(k), state)
        found.append(y)
    return mx.concatenate(found, axis=-1)


def test_streaming_inside_transforms():
    u = U[..., :80]
    expected = np.array(kernels.long_convolution(u, K[:, :80]))
    close(mx.compile(run)(u), expected)
    close(mx.vmap(lambda u: run(u))(mx.stack([u, 2 * u]))[1], 2 * expected)
    whole = mx.grad(lambda u, k: mx.sum(kernels.long_convolution(u, k) ** 2), (0, 1))
    pieces = mx.grad(lambda u, k: mx.sum(run(u, k) ** 2), (0, 1))
    for a, b in zip(pieces(u, K), whole(u, K), strict=True):
        close(a, np.array(b))
