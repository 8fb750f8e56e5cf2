"""Attention: options, parameters, slopes and frequencies, and what the reference makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ncps
from ncps import reference, specs
from ncps.errors import ShapeError, SpecError, UnknownNameError
from ncps.specs import GroupedQueryAttention, MultiHeadAttention
from ncps.testing import TOLERANCES

SIZES: dict[str, Any] = {"input_size": 6, "num_heads": 4, "head_dim": 2}
BOUNDS = TOLERANCES["float64"].values


def example(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"num_heads": 0}, SpecError, "num_heads to be an integer >= 1, got 0"),
        ({"head_dim": 3, "positions": "rotary"}, SpecError, "even head_dim .* got 3"),
        ({"positions": "rotary", "rotary_base": 0}, SpecError, "rotary_base > 0, got 0"),
        ({"positions": "rotarry"}, UnknownNameError, "Did you mean 'rotary'"),
        ({"dropout": 1.0}, SpecError, r"dropout in \[0, 1\), got 1.0"),
        ({"causal": 1}, SpecError, "causal to be True or False, got 1"),
    ],
)
def test_option_that_attention_cannot_have_is_refused(
    options: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        MultiHeadAttention(**SIZES | options)


def test_key_heads_must_divide_the_heads() -> None:
    with pytest.raises(SpecError, match="multiple of num_kv_heads, got 4 and 3"):
        GroupedQueryAttention(**SIZES, num_kv_heads=3)


def test_shared_heads_have_smaller_keys_and_values() -> None:
    shapes = {p.name: p.shape for p in GroupedQueryAttention(**SIZES, num_kv_heads=1).parameters()}
    assert shapes["query.kernel"] == (6, 8)
    assert shapes["key.kernel"] == shapes["value.kernel"] == (6, 2)
    assert shapes["output.kernel"] == (8, 6)
    assert [n for n in shapes if n.endswith("bias")] == [f"{n}.bias" for n in _NAMES]


_NAMES = ("query", "key", "value", "output")


def test_config_round_trip_keeps_every_option() -> None:
    spec = GroupedQueryAttention(**SIZES, num_kv_heads=2, positions="alibi", causal=True)
    assert specs.from_config(spec.to_config()) == spec


def test_slopes_are_those_of_the_paper() -> None:
    eight = MultiHeadAttention(**SIZES | {"num_heads": 8}).alibi_slopes
    assert eight == tuple(2.0**-i for i in range(1, 9))
    # heads that are no power of two: those of 8, then every other one of 16
    twelve = MultiHeadAttention(**SIZES | {"num_heads": 12}).alibi_slopes
    assert twelve == (*eight, *(2.0 ** (-i / 2) for i in (1, 3, 5, 7)))
    assert MultiHeadAttention(**SIZES | {"num_heads": 1}).alibi_slopes == (2.0**-8,)


@pytest.mark.parametrize("positions", ["rotary", "alibi"])
def test_only_the_distance_between_steps_matters(positions: str) -> None:
    spec = MultiHeadAttention(**SIZES, positions=positions, causal=True)
    p = spec.initial_parameters(1)
    x = example(2, 5, 6)
    padded = np.concatenate([np.zeros((2, 3, 6)), x], axis=1)
    # a context that everything before is masked out of, but that keeps its place in the cache
    mask = np.arange(8) >= 3
    y = reference.run(spec, p, padded, mask=np.broadcast_to(mask, (2, 8)))
    np.testing.assert_allclose(y[:, 3:], reference.run(spec, p, x), **BOUNDS)
    again = reference.run(spec, p, x[:, ::-1])[:, ::-1]
    assert not np.allclose(again, reference.run(spec, p, x))


def test_rotary_turns_pairs_half_a_head_apart() -> None:
    spec = MultiHeadAttention(input_size=4, num_heads=1, head_dim=4, positions="rotary")
    assert spec.rotary_frequencies == (1.0, 0.01)
    from ncps.reference._attention import _rotated

    a = np.zeros((1, 1, 2, 4))
    a[..., 0] = 1.0
    turned = _rotated(spec, a, np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(turned[0, 0, 0], [1, 0, 0, 0], **BOUNDS)
    np.testing.assert_allclose(turned[0, 0, 1], [np.cos(1), 0, np.sin(1), 0], **BOUNDS)


def test_one_key_head_for_each_query_head_is_multi_head_attention() -> None:
    many = MultiHeadAttention(**SIZES)
    x, p = example(2, 5, 6), many.initial_parameters(2)
    all_own = GroupedQueryAttention(**SIZES, num_kv_heads=4)
    np.testing.assert_array_equal(reference.run(all_own, p, x), reference.run(many, p, x))
    one = GroupedQueryAttention(**SIZES, num_kv_heads=1)
    shared = one.initial_parameters(2)
    repeated = {
        n: np.concatenate([v] * 4, axis=-1) if n.split(".")[0] in ("key", "value") else v
        for n, v in shared.items()
    }
    np.testing.assert_allclose(
        reference.run(one, shared, x), reference.run(many, repeated, x), **BOUNDS
    )


def test_attention_weighs_values_by_softmax() -> None:
    spec = MultiHeadAttention(input_size=2, num_heads=1, head_dim=2, use_bias=False)
    p = {f"{name}.kernel": np.eye(2) for name in _NAMES}
    x = np.array([[1.0, 0.0], [0.0, 2.0]])
    z = x @ x.T / np.sqrt(2)
    weights = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(reference.run(spec, p, x), weights @ x, **BOUNDS)


@pytest.mark.parametrize("options", [{"causal": True}, {"positions": "alibi"}])
def test_layer_with_an_order_takes_no_context(options: dict[str, Any]) -> None:
    layer = ncps.create(MultiHeadAttention(**SIZES, **options), technology="numpy")
    with pytest.raises(ShapeError, match="MultiHeadAttention expected no context, got one of"):
        layer(example(2, 5, 6), context=example(2, 3, 6))


def test_step_needs_a_causal_layer() -> None:
    layer = ncps.create(MultiHeadAttention(**SIZES), technology="numpy")
    with pytest.raises(SpecError, match="expected causal=True for step, got False"):
        layer.step(example(2, 5, 6))


def test_cache_grows_by_the_steps_that_are_run() -> None:
    spec = GroupedQueryAttention(**SIZES, num_kv_heads=2, causal=True)
    layer = ncps.create(spec, technology="numpy", seed=1)
    x, state = example(3, 9, 6), None
    for steps, known in ((4, 4), (0, 4), (1, 5)):
        y, state = layer.step(x[:, :steps], state)
        assert y.shape == (3, steps, 6)
        assert state.keys.shape == state.values.shape == (3, 2, known, 2)
        assert state.real.shape == (3, known)


@pytest.mark.parametrize(
    ("layer", "function"), [("GeGLU", "gelu"), ("SwiGLU", "silu"), ("FeedForward", "relu")]
)
def test_feed_forward_layers_have_projections_by_name(layer: str, function: str) -> None:
    spec: Any = specs.build(layer, input_size=3, units=2, hidden_units=5)
    assert spec.function == function
    kernels = {p.name: p.shape for p in spec.parameters() if p.name.endswith("kernel")}
    gate = {"gate.kernel": (3, 5)} if layer != "FeedForward" else {}
    assert kernels == {**gate, "up.kernel": (3, 5), "down.kernel": (5, 2)}
    assert spec.output_shape((None, 3)) == (None, 2)
    with pytest.raises(SpecError, match=f"{layer} expected hidden_units"):
        specs.build(layer, units=2, hidden_units=0)
