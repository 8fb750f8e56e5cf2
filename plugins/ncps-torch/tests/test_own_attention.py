"""torch.nn.MultiheadAttention: what it means, and making one from a spec."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import ncps
from ncps import canonical, specs
from ncps.errors import ConversionError
from ncps.testing import TOLERANCES
from ncps_torch.natives import TorchNatives

NATIVES = TorchNatives()
BOUNDS = TOLERANCES["float32"].values


def example(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def own(**options: Any) -> nn.MultiheadAttention:
    """A layer of torch's whose biases are not zero."""
    torch.manual_seed(0)
    module = nn.MultiheadAttention(6, 2, **options)
    for p in module.parameters():
        nn.init.uniform_(p, -0.5, 0.5)
    return module


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_own_layer_means_attention_and_comes_back(bias: bool, batch_first: bool) -> None:
    module = own(bias=bias, batch_first=batch_first)
    spec, parameters = NATIVES.describe(module)
    assert spec == specs.MultiHeadAttention(input_size=6, num_heads=2, head_dim=3, use_bias=bias)
    assert list(parameters) == [p.name for p in spec.parameters()]
    x = example(4, 5, 6)
    reference = ncps.create(spec, technology="numpy")
    canonical.load_parameters(reference, parameters)
    made = NATIVES.make(spec, parameters)
    assert type(made) is nn.MultiheadAttention
    for one in (module, made):
        np.testing.assert_allclose(NATIVES.run(one, x), reference(x), **BOUNDS)


@pytest.mark.parametrize("bias", [True, False])
def test_our_layer_computes_what_torchs_does_under_the_same_masks(bias: bool) -> None:
    module = own(bias=bias, batch_first=True)
    ours = ncps.convert(module, "ncps", framework="torch")
    x, context = torch.tensor(example(3, 5, 6)), torch.tensor(example(3, 4, 6))
    hidden = torch.tensor([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0], [0, 1, 0, 1, 0]], dtype=torch.bool)
    expected, _ = module(x, x, x, key_padding_mask=hidden)
    real = ~hidden
    torch.testing.assert_close(ours(x, mask=real)[real], expected[real], **BOUNDS)
    expected, _ = module(x, context, context, key_padding_mask=hidden[:, :4])
    torch.testing.assert_close(
        ours(x, context=context, context_mask=real[:, :4]), expected, **BOUNDS
    )
    spec = dataclasses.replace(ours.spec, causal=True)
    causal = ncps.create(spec, framework="torch")
    ncps.load_parameters(causal, ncps.parameters(ours))
    before = nn.Transformer.generate_square_subsequent_mask(5)
    expected, _ = module(x, x, x, attn_mask=before, is_causal=True)
    torch.testing.assert_close(causal(x), expected, **BOUNDS)


def test_dropout_goes_along_and_does_not_disturb_a_comparison() -> None:
    module = own(dropout=0.4)
    ours = ncps.convert(module, "ncps", framework="torch")
    assert ours.spec.dropout == 0.4
    assert ncps.compare(module, ours).within
    assert module.training
    assert NATIVES.make(*NATIVES.describe(module)).dropout == 0.4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kdim": 4, "vdim": 5}, "keys and values of the queries' size, got kdim=4 and vdim=5"),
        ({"add_bias_kv": True}, "without add_bias_kv, got one with it. Convert it by hand"),
        ({"add_zero_attn": True}, "without add_zero_attn, got one with it. Convert it by hand"),
    ],
)
def test_what_no_spec_can_say_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConversionError, match=re.escape(says)):
        NATIVES.describe(own(**options))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"causal": True}, "is causal by the masks of a call, not as a layer"),
        ({"positions": "alibi"}, "has no alibi positions"),
        ({"head_dim": 4}, "has num_heads · head_dim = input_size, the spec has 2 · 4 and 6"),
    ],
)
def test_spec_that_torchs_layer_lacks_is_refused(options: dict[str, Any], says: str) -> None:
    settings: dict[str, Any] = {"input_size": 6, "num_heads": 2, "head_dim": 3, **options}
    spec = specs.MultiHeadAttention(**settings)
    with pytest.raises(ConversionError, match=says):
        NATIVES.make(spec, spec.initial_parameters(0))
