"""Attention under what torch offers: fused kernels, transforms, autocast, export, checkpoints."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch.func import functional_call, grad, jvp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import profile

import ncps
from ncps.testing import TOLERANCES
from ncps_torch.ops import _attention as kernels

VALUES, GRADIENTS = TOLERANCES["float32"].values, TOLERANCES["float32"].gradients
KINDS: list[dict[str, Any]] = [
    {},
    {"causal": True},
    {"causal": True, "positions": "rotary"},
    {"causal": True, "positions": "alibi"},
]
EXACT = {"rtol": 0.0, "atol": 0.0}


def make(**options: Any) -> Any:
    sizes = {"input_size": 6, "num_heads": 4, "num_kv_heads": 2, "head_dim": 8}
    settings = {"framework": "torch", "seed": 0, **sizes, **options}
    return ncps.create("GroupedQueryAttention", **settings)


def series() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    mask = torch.ones(3, 7, dtype=torch.bool)
    mask[0], mask[1, 2:4] = False, False
    return torch.randn(3, 7, 6), mask


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", KINDS)
def test_fused_kernel_runs(options: dict[str, Any], masked: bool) -> None:
    layer, (x, mask) = make(**options), series()
    with profile() as found:
        layer(x.requires_grad_(), mask=mask if masked else None)
    assert any("flash" in event.key for event in found.key_averages())


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", KINDS)
def test_fused_kernel_agrees_with_the_plain_one(options: dict[str, Any], masked: bool) -> None:
    layer, (x, mask) = make(**options), series()

    def run() -> tuple[torch.Tensor, ...]:
        own = x.clone().requires_grad_()
        y = layer(own, mask=mask if masked else None)
        return y, *torch.autograd.grad(y.square().sum(), (own, *layer.parameters()))

    fused = run()
    with sdpa_kernel(SDPBackend.MATH):
        plain = run()
    for a, b in zip(fused, plain, strict=True):
        torch.testing.assert_close(a, b, **GRADIENTS)


# torch itself scripts what it decomposes for forward-mode AD
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", KINDS)
def test_transforms_of_torch_func_agree_with_backward(
    options: dict[str, Any], masked: bool
) -> None:
    layer, (x, mask) = make(**options), series()
    given = mask if masked else None
    parameters = {n: p.detach() for n, p in layer.named_parameters()}

    def loss(values: dict[str, torch.Tensor], x: torch.Tensor, mask: Any) -> torch.Tensor:
        return functional_call(layer, values, (x,), {"mask": mask}).square().sum()

    layer(x, mask=given).square().sum().backward()
    found = grad(loss)(parameters, x, given)
    rows = (None, 0, 0 if masked else None)
    per_row = vmap(grad(loss), in_dims=rows)(parameters, x, given)
    for name, parameter in layer.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, **GRADIENTS)
        torch.testing.assert_close(per_row[name].sum(0), parameter.grad, **GRADIENTS)
    own = x.clone().requires_grad_()
    y = layer(own, mask=given)
    (expected,) = torch.autograd.grad(y.sum(), own)
    _, along = jvp(lambda x: layer(x, mask=given).sum(), (x,), (x,))
    torch.testing.assert_close(along, (expected * x).sum(), **GRADIENTS)


@pytest.mark.parametrize("options", KINDS)
def test_second_derivatives_with_the_plain_kernel(options: dict[str, Any]) -> None:
    layer = make(dtype="float64", **options)
    x, mask = series()
    x = x.double().requires_grad_()
    with sdpa_kernel(SDPBackend.MATH):
        assert torch.autograd.gradgradcheck(
            lambda x: layer(x, mask=mask), (x,), fast_mode=True, atol=1e-4
        )


@pytest.mark.parametrize("options", KINDS)
def test_autocast_computes_in_its_dtype(options: dict[str, Any]) -> None:
    layer, (x, mask) = make(**options), series()
    expected = layer(x, mask=mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x, mask=mask)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), expected, **TOLERANCES["bfloat16"].values)
    y.float().sum().backward()
    assert all(p.grad.dtype == torch.float32 for p in layer.parameters())


@pytest.mark.parametrize("options", KINDS)
def test_export_takes_any_batch_and_length(options: dict[str, Any]) -> None:
    layer, (x, mask) = make(**options), series()
    batch, steps = torch.export.Dim("batch"), torch.export.Dim("steps", min=2)
    axes = {0: batch, 1: steps}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(
            *(layer, (x,), {"mask": mask}), dynamic_shapes={"x": axes, "mask": axes}
        )
    longer, real = torch.randn(2, 9, 6), torch.rand(2, 9) < 0.5
    torch.testing.assert_close(
        program.module()(longer, mask=real), layer(longer, mask=real), **VALUES
    )


def test_older_torch_repeats_shared_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, (x, mask) = make(causal=True), series()
    expected = layer(x, mask=mask)
    monkeypatch.setattr(kernels, "_GROUPS", False)
    torch.testing.assert_close(layer(x, mask=mask), expected, **VALUES)


def test_dropout_drops_weights_in_training_alone() -> None:
    layer, (x, _) = make(dropout=0.5), series()
    plain = make()
    torch.manual_seed(1)
    one, two = layer(x), layer(x)
    assert not torch.allclose(one, two)
    torch.testing.assert_close(layer.eval()(x), plain(x), **EXACT)
    # what is kept is scaled up: the mean of the weighted sums stays
    y = torch.stack([layer.train()(x) for _ in range(3000)])
    error = y.std(0) / len(y) ** 0.5
    assert ((y.mean(0) - plain(x)).abs() < 5 * error).all()


def test_lazy_layer_takes_its_size_from_a_checkpoint() -> None:
    layer, (x, _) = make(), series()
    lazy = make(input_size=None)
    assert not lazy.built
    lazy.load_state_dict(layer.state_dict())
    assert lazy.spec == layer.spec
    torch.testing.assert_close(lazy(x), layer(x), **EXACT)
    assert "in_features=6" in repr(lazy.query)
    assert "out_features=6" in repr(lazy.output)


def test_cache_of_a_trained_layer_keeps_its_graph() -> None:
    layer, (x, _) = make(causal=True), series()
    whole = layer(x)
    first, state = layer.step(x[:, :4])
    second, _ = layer.step(x[:, 4:], state)
    y = torch.cat([first, second], dim=1)
    wanted = torch.autograd.grad(whole.square().sum(), layer.parameters())
    found = torch.autograd.grad(y.square().sum(), layer.parameters())
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, **GRADIENTS)


def test_late_rotary_positions_stay_exact_in_bfloat16() -> None:
    layer = make(causal=True, positions="rotary", dtype="bfloat16")
    x = torch.randn(1, 1, 6).expand(1, 600, 6).bfloat16()
    # each step attends to equal ones: y does not depend on where it stands
    y = layer(x).float()
    np.testing.assert_allclose(y[0, -1].detach(), y[0, 0].detach(), **TOLERANCES["bfloat16"].values)
    a = torch.ones(1, 1, 600, 8, dtype=torch.bfloat16)
    turned = kernels.rotated(layer.spec, a, torch.arange(600))
    exact = kernels.rotated(layer.spec, a.double(), torch.arange(600))
    torch.testing.assert_close(turned.double(), exact, **TOLERANCES["bfloat16"].values)


def test_mask_and_context_may_be_numpy_arrays_or_lists() -> None:
    layer, (x, mask) = make(), series()
    expected = layer(x, mask=mask, context=x, context_mask=mask)
    got = layer(x.numpy(), mask=mask.tolist(), context=x.numpy(), context_mask=mask.numpy())
    torch.testing.assert_close(got, expected, **EXACT)
