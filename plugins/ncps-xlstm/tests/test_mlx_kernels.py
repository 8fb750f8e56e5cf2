"""The convolution on MLX, and taking steps apart."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from ncps.testing import TOLERANCES

mx = pytest.importorskip("mlx.core")

from ncps_xlstm.mlx import kernels  # noqa: E402
from ncps_xlstm.mlx.kernels._unbind import unbind  # noqa: E402

SIZES = (1, 31, 32, 33, 65)
VALUES = TOLERANCES["float32"].values
GRADIENTS = TOLERANCES["float32"].gradients


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def equation(x, before, w, b):
    """The sum as written, in float64."""
    x, before, w, b = (np.array(a, np.float64) for a in (x, before, w, b))
    known = np.concatenate([before, x], axis=1)
    y = np.empty_like(x)
    for t in range(x.shape[1]):
        y[:, t] = b + sum(w[j] * known[:, t + j] for j in range(len(w)))
    return y


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("width", [2, 4])
def test_convolution_is_the_sum(size, width):
    for steps, features in ((size, 3), (5, size)):
        x, before = draw(2, steps, features), draw(2, width - 1, features, seed=1)
        w, b = draw(width, features, seed=2), draw(features, seed=3)
        y, known = kernels.causal_conv(*map(mx.array, (x, before, w, b)))
        np.testing.assert_allclose(np.array(y), equation(x, before, w, b), **VALUES)
        np.testing.assert_array_equal(np.array(known), np.concatenate([before, x], axis=1))


def test_convolution_has_the_gradients_of_the_one_in_mlx():
    x, before, w, b = (
        mx.array(draw(*shape, seed=k))
        for k, shape in enumerate(((2, 9, 3), (2, 3, 3), (4, 3), (3,)))
    )
    weights = mx.array(draw(2, 9, 3, seed=9))

    def ours(*a):
        return mx.sum(weights * kernels.causal_conv(*a)[0])

    def stock(x, before, w, b):
        known = mx.concatenate([before, x], axis=1)
        return mx.sum(weights * (mx.conv1d(known, w.T[:, :, None], groups=3) + b))

    for a, c in zip(
        *(mx.grad(f, (0, 1, 2, 3))(x, before, w, b) for f in (ours, stock)), strict=True
    ):
        np.testing.assert_allclose(np.array(a), np.array(c), **GRADIENTS)


def test_convolution_carries_on_where_a_sequence_is_split():
    x, before, w, b = (mx.array(draw(*shape)) for shape in ((2, 9, 3), (2, 3, 3), (4, 3), (3,)))
    whole, known = kernels.causal_conv(x, before, w, b)
    for cut in (1, 2, 7):
        first, after = kernels.causal_conv(x[:, :cut], before, w, b)
        then, last = kernels.causal_conv(x[:, cut:], after[:, -3:], w, b)
        np.testing.assert_array_equal(np.array(mx.concatenate([first, then], axis=1)), whole)
        np.testing.assert_array_equal(np.array(last[:, -3:]), np.array(known[:, -3:]))


def test_convolution_of_half_precision_is_added_up_in_float32():
    x, before, w, b = (
        mx.array(draw(*shape)).astype(mx.bfloat16) for shape in ((2, 9, 3), (2, 3, 3), (4, 3), (3,))
    )
    y, _ = kernels.causal_conv(x, before, w, b)
    exact = kernels.causal_conv(*(a.astype(mx.float32) for a in (x, before, w, b)))[0]
    assert y.dtype == mx.bfloat16
    assert mx.array_equal(y, exact.astype(mx.bfloat16))


@pytest.mark.parametrize("steps", [*SIZES, 7, 8, 9, 64, 513])
def test_unbind_gives_every_step_in_order_and_its_gradient(steps):
    x = mx.array(draw(steps, 2, 3))
    parts = unbind(x)
    assert len(parts) == steps
    assert mx.array_equal(mx.concatenate(parts), x)

    def weighted(x):
        return sum((t + 1.0) * mx.sum(part) for t, part in enumerate(unbind(x)))

    expected = mx.broadcast_to(mx.arange(1, steps + 1)[:, None, None], x.shape)
    assert mx.array_equal(mx.grad(weighted)(x), expected)


def test_gradient_of_unbind_moves_a_logarithmic_multiple_of_its_input():
    def joined(steps):
        seen = []
        x = mx.ones((steps, 16))
        mx.export_function(
            seen.append, mx.grad(lambda x: sum(mx.sum(mx.square(a)) for a in unbind(x))), x
        )
        found = (e for e in seen if e["type"] == "primitive" and e["name"] == "Concatenate")
        return sum(prod(shape) for e in found for _, shape, _ in e["outputs"]) / x.size

    assert [joined(8), joined(64), joined(512)] == [1, 2, 3]
