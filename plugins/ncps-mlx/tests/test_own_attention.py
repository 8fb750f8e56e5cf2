"""mlx.nn.MultiHeadAttention: what it means, and making one from a spec."""

from __future__ import annotations

import re
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

import ncps
from ncps import canonical, specs
from ncps.errors import ConversionError
from ncps.testing import TOLERANCES
from ncps_mlx.natives import MlxNatives

NATIVES = MlxNatives()
BOUNDS = TOLERANCES["float32"].values


def example(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("inner", "bias"), [(6, True), (6, False), (8, True)])
def test_own_layer_means_attention_and_comes_back(inner: int, bias: bool) -> None:
    sizes = {"query_input_dims": 6, "key_input_dims": 6, "value_output_dims": 6}
    module = nn.MultiHeadAttention(inner, 2, **sizes, bias=bias)
    spec, parameters = NATIVES.describe(module)
    wanted = {"input_size": 6, "num_heads": 2, "head_dim": inner // 2, "use_bias": bias}
    assert spec == specs.MultiHeadAttention(**wanted)
    x = example(4, 5, 6)
    reference = ncps.create(spec, technology="numpy")
    canonical.load_parameters(reference, parameters)
    made = NATIVES.make(spec, parameters)
    assert type(made) is nn.MultiHeadAttention
    for one in (module, made):
        np.testing.assert_allclose(NATIVES.run(one, x), reference(x), **BOUNDS)


def test_our_layer_computes_what_mlx_does_under_the_same_masks() -> None:
    module = nn.MultiHeadAttention(6, 2, bias=True)
    ours = ncps.convert(module, "ncps", framework="mlx")
    x, context = mx.array(example(2, 5, 6)), mx.array(example(2, 4, 6))
    real = mx.array([[True, True, False, False, True], [True] * 5])
    expected = np.array(module(x, x, x, mask=real[:, None, None, :]))
    np.testing.assert_allclose(
        np.array(ours(x, mask=real))[np.array(real)], expected[np.array(real)], **BOUNDS
    )
    seen = real[:, :4]
    expected = module(x, context, context, mask=seen[:, None, None, :])
    got = ours(x, context=context, context_mask=seen)
    np.testing.assert_allclose(np.array(got), np.array(expected), **BOUNDS)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"key_input_dims": 4}, "keys and values of the queries' size, got weights (6, 6), (6, 4)"),
        ({"value_output_dims": 5}, "whose output has the 6 features of its input, got 5. Map it"),
        ({"value_dims": 8}, "keys and values of the queries' size, got"),
    ],
)
def test_what_no_spec_can_say_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConversionError, match=re.escape(says)):
        NATIVES.describe(nn.MultiHeadAttention(6, 2, **options))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"causal": True}, "is causal by the mask of a call, not as a layer"),
        ({"positions": "alibi"}, "has no alibi positions"),
        ({"dropout": 0.1}, "has no dropout"),
    ],
)
def test_spec_that_mlxs_layer_lacks_is_refused(options: dict[str, Any], says: str) -> None:
    settings: dict[str, Any] = {"input_size": 6, "num_heads": 2, "head_dim": 3, **options}
    spec = specs.MultiHeadAttention(**settings)
    with pytest.raises(ConversionError, match=says):
        NATIVES.make(spec, spec.initial_parameters(0))


@pytest.mark.parametrize("heads", [1, 2, 3, 6, 8, 12])
def test_slopes_are_those_of_mlx(heads: int) -> None:
    spec = specs.MultiHeadAttention(num_heads=heads, head_dim=2)
    own = nn.ALiBi.create_alibi_slope(heads)
    np.testing.assert_allclose(np.array(own).reshape(-1), spec.alibi_slopes, **BOUNDS)
