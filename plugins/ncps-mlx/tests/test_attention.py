"""Attention under what MLX offers: fused kernels, compile, vmap, dropout, caches."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import pytest

import ncps
from ncps.testing import TOLERANCES
from ncps_mlx import ops

VALUES, GRADIENTS = TOLERANCES["float32"].values, TOLERANCES["float32"].gradients
KINDS: list[dict[str, Any]] = [
    {},
    {"causal": True},
    {"causal": True, "positions": "rotary"},
    {"causal": True, "positions": "alibi"},
]


def make(**options: Any) -> Any:
    sizes = {"input_size": 6, "num_heads": 4, "num_kv_heads": 2, "head_dim": 8}
    settings = {"framework": "mlx", "seed": 0, **sizes, **options}
    return ncps.create("GroupedQueryAttention", **settings)


def series() -> tuple[mx.array, mx.array]:
    mask = np.ones((3, 7), bool)
    mask[0], mask[1, 2:4] = False, False
    return mx.random.normal((3, 7, 6), key=mx.random.key(0)), mx.array(mask)


def close(got: Any, expected: Any, bounds: Any = VALUES) -> None:
    np.testing.assert_allclose(np.array(got), np.array(expected), **bounds)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", KINDS)
def test_plain_operations_agree_with_the_fused_kernel(
    options: dict[str, Any], masked: bool
) -> None:
    x, mask = series()
    given = mask if masked else None
    # so small a rate drops nothing, but takes the way of dropout
    plain, fused = make(dropout=1e-12, **options), make(**options)

    def loss(layer: Any) -> Any:
        return lambda x: mx.sum(mx.square(layer(x, mask=given)))

    close(plain(x, mask=given), fused(x, mask=given))
    close(mx.grad(loss(plain))(x), mx.grad(loss(fused))(x), GRADIENTS)


def test_dropout_drops_weights_in_training_alone() -> None:
    layer, (x, _), plain = make(dropout=0.5), series(), make()
    assert not np.allclose(np.array(layer(x)), np.array(layer(x)))
    close(layer.eval()(x), plain(x), {"rtol": 0.0, "atol": 0.0})
    # what is kept is scaled up: the mean of the weighted sums stays
    mx.random.seed(1)
    y = np.array(layer.train()(mx.repeat(x, 3000, axis=0))).reshape(3, 3000, 7, 6)
    error = y.std(1) / 3000**0.5
    assert (np.abs(y.mean(1) - np.array(plain(x))) < 5 * error).all()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", KINDS)
def test_compiled_and_mapped_calls_agree(options: dict[str, Any], masked: bool) -> None:
    layer, (x, mask) = make(**options), series()
    expected = layer(x, mask=mask if masked else None)
    if masked:
        close(mx.compile(lambda x, m: layer(x, mask=m))(x, mask), expected)
        close(mx.vmap(lambda x, m: layer(x, mask=m))(x, mask), expected)
    else:
        close(mx.compile(layer)(x), expected)
        close(mx.vmap(layer)(x), expected)


@pytest.mark.parametrize("options", KINDS[1:])
def test_compiled_step_carries_its_cache(options: dict[str, Any]) -> None:
    layer, (x, mask) = make(**options), series()
    step = mx.compile(lambda x, state, m: layer.step(x, state, mask=m), shapeless=False)
    whole = layer(x, mask=mask)
    y, state = layer.step(x[:, :3], mask=mask[:, :3])
    outputs = [y]
    for t in range(3, 7):
        y, state = step(x[:, t : t + 1], state, mask[:, t : t + 1])
        outputs.append(y)
    close(mx.concatenate(outputs, axis=1), whole)


def test_cache_of_a_trained_layer_keeps_its_graph() -> None:
    layer, (x, _) = make(causal=True, positions="rotary"), series()

    def at_once(x: mx.array) -> mx.array:
        return mx.sum(mx.square(layer(x)))

    def in_pieces(x: mx.array) -> mx.array:
        first, state = layer.step(x[:, :4])
        second, _ = layer.step(x[:, 4:], state)
        return mx.sum(mx.square(mx.concatenate([first, second], axis=1)))

    close(mx.grad(in_pieces)(x), mx.grad(at_once)(x), GRADIENTS)


def test_rotary_with_a_mask_agrees_with_mlx_own() -> None:
    layer = make(positions="rotary")
    a = mx.random.normal((2, 4, 9, 8), key=mx.random.key(1))
    by_mlx = ops.rotated(layer.spec, a, mx.arange(13), 4)
    by_row = ops.rotated(layer.spec, a, mx.broadcast_to(mx.arange(13), (2, 13)), 4)
    close(by_row, by_mlx, GRADIENTS)


def test_layout_of_neighbours_is_ours_with_the_features_in_another_order() -> None:
    layer = make(positions="rotary")
    q, k = mx.random.normal((2, 1, 4, 9, 8), key=mx.random.key(2))
    options = {"traditional": True, "base": 10_000.0, "scale": 1.0, "offset": 0}
    theirs = (mx.fast.rope(a, 8, **options) for a in (q, k))
    order = mx.array([0, 2, 4, 6, 1, 3, 5, 7])
    ours = (ops.rotated(layer.spec, a[..., order], mx.arange(9), 0) for a in (q, k))
    one, two = (left @ right.swapaxes(2, 3) for left, right in (theirs, ours))
    close(two, one, GRADIENTS)


def test_mask_and_context_may_be_numpy_arrays_or_lists() -> None:
    layer, (x, mask) = make(), series()
    expected = layer(x, mask=mask, context=x, context_mask=mask)
    given = {"context": np.array(x), "context_mask": np.array(mask)}
    got = layer(np.array(x), mask=mask.tolist(), **given)
    close(got, expected, {"rtol": 0.0, "atol": 0.0})
