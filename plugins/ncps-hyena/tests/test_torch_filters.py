"""The filters that a network writes on torch: the reference's, and the kernel its plain twin's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ncps.testing import TOLERANCES
from ncps_hyena.reference._filter import filters
from ncps_hyena.specs import HyenaOperator
from ncps_hyena.torch.kernels import FiltersScan, Numbers, filters_forward, filters_plain
from ncps_hyena.torch.kernels import _filters_scan as scan
from ncps_hyena.torch.kernels import _memory as memory

NUMBERS = Numbers(0.05, 1 / 300)
# lags, numbers of a position, width, inner maps, filters
SIZES = [(1, 3, 1, 0, 1), (31, 5, 33, 1, 2), (65, 3, 32, 2, 31), (150, 7, 4, 3, 5)]


def arguments(
    sizes: tuple[int, ...], decay: bool = True, dtype: torch.dtype = torch.float64
) -> list[Tensor | None]:
    generator = torch.Generator().manual_seed(0)
    L, E, F, inner, M = sizes

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=dtype).requires_grad_()

    found = [drawn(L, E), 20 * drawn(M) if decay else None, drawn(M, F), drawn(F, E), drawn(F)]
    for _ in range(inner):
        found += [drawn(F, F), drawn(F)]
    return [None if t is None else t.detach().requires_grad_() for t in found]


def outputs_and_gradients(
    function: Any, flat: list[Tensor | None], numbers: Numbers = NUMBERS
) -> tuple[Any, Any]:
    h = function(numbers, *flat)
    weights = torch.linspace(-1, 2, h.numel(), dtype=h.dtype).view_as(h)
    return h, torch.autograd.grad(h, [t for t in flat if t is not None], weights)


@pytest.fixture(
    params=[(1, 1 << 25), (1 << 16, 1 << 25), (1, 0)],
    ids=["chunks", "one chunk", "chunks, nothing kept"],
)
def _chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk, cheap = request.param
    monkeypatch.setattr(scan, "CHUNK", chunk)
    monkeypatch.setattr(memory, "CHEAP", cheap)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("decay", [False, True])
@pytest.mark.parametrize("features_last", [False, True])
@pytest.mark.usefixtures("_chunk")
def test_scan_agrees_with_twin(sizes: tuple[int, ...], decay: bool, features_last: bool) -> None:
    flat, numbers = arguments(sizes, decay), NUMBERS._replace(features_last=features_last)
    plain = outputs_and_gradients(filters_plain, flat)
    found = outputs_and_gradients(FiltersScan.apply, flat, numbers)
    torch.testing.assert_close(found, plain)
    with torch.no_grad():
        torch.testing.assert_close(filters_forward(numbers, *flat), plain[0])
    assert (found[0].mT if features_last else found[0]).is_contiguous()


@pytest.mark.parametrize("decay", [False, True])
def test_numeric_derivatives_agree_twice(decay: bool) -> None:
    def written(*flat: Tensor | None) -> Any:
        return FiltersScan.apply(NUMBERS, *flat)

    flat = arguments((5, 3, 2, 1, 2), decay)
    assert torch.autograd.gradcheck(written, flat)
    assert torch.autograd.gradgradcheck(written, flat)


def test_constant_tables_have_no_gradient() -> None:
    flat = arguments((65, 3, 8, 1, 4))
    expected = outputs_and_gradients(FiltersScan.apply, flat)[1][2:]
    z, delta, *weights = flat
    assert z is not None
    assert delta is not None
    h = FiltersScan.apply(NUMBERS, z.detach(), delta.detach(), *weights)
    cotangent = torch.linspace(-1, 2, h.numel(), dtype=h.dtype).view_as(h)
    torch.testing.assert_close(torch.autograd.grad(h, weights, cotangent), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("l_max", [1, 33, 3000])
def test_filters_are_the_references(dtype: str, l_max: int) -> None:
    spec = HyenaOperator(
        input_size=3, l_max=l_max, order=3, emb_dim=5, filter_order=8, frequency=3.0
    )
    rng = np.random.default_rng(0)
    p = {a.name: 0.5 * rng.standard_normal(a.shape) for a in spec.parameters()}
    names = [f"long_{o}.kernel" for o in range(2)]
    expected = np.concatenate([filters(spec, p, o, "kernel", l_max) for o in range(2)], axis=1).T
    number = {"dtype": getattr(torch, dtype)}
    omega = p["filter.frequency"]
    maps = []
    for j in range(spec.num_inner + 1):
        maps += [(p[f"filter.hidden_{j}.kernel"] * omega).T, p[f"filter.hidden_{j}.bias"] * omega]
    flat = [spec.positions(), spec.deltas().reshape(-1), np.concatenate([p[n].T for n in names]),
            *maps]  # fmt: skip
    tensors = [torch.tensor(np.ascontiguousarray(a), **number) for a in flat]
    h = filters_forward(Numbers(spec.shift, 1 / max(l_max - 1, 1)), *tensors)
    np.testing.assert_allclose(h.numpy(), expected, **TOLERANCES[dtype].values)
