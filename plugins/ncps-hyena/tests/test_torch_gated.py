"""The hand-written convolutions of an operator agree with their plain twin, and both with sums."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ncps.testing import TOLERANCES
from ncps_hyena.torch.kernels import GatedScan, gated_forward, gated_plain, spectra_of
from ncps_hyena.torch.kernels import _blocks as blocks
from ncps_hyena.torch.kernels import _memory as memory

# rows, features, steps, taps, order
SIZES = [
    (1, 1, 1, 1, 2),
    (3, 5, 31, 3, 2),
    (1, 33, 32, 3, 3),
    (2, 31, 33, 4, 2),
    (2, 3, 65, 2, 4),
    (2, 3, 258, 3, 2),
    (1, 2, 300, 5, 3),
]
OPTIONS = ["plain", "two-sided", "masked", "dropout", "all"]


def arguments(
    sizes: tuple[int, ...], options: str = "plain", dtype: torch.dtype = torch.float64
) -> list[Tensor | None]:
    """z, w, b, h, s, r, real, noise, of which all but the last two may be differentiated."""
    generator = torch.Generator().manual_seed(0)
    B, D, L, K, N = sizes

    def drawn(*shape: int, scale: float = 1.0) -> Tensor:
        t = scale * torch.randn(shape, generator=generator, dtype=torch.float64)
        return t.to(dtype).requires_grad_()

    C, all_of_them = (N + 1) * D, options == "all"
    found: list[Tensor | None] = [drawn(B, C, L), drawn(C, K), drawn(C)]
    found += [drawn(N - 1, D, L, scale=L**-0.5), drawn(N - 1, D), None, None, None]
    if all_of_them or options == "two-sided":
        found[5] = drawn(N - 1, D, L, scale=L**-0.5)
    if all_of_them or options == "masked":
        found[6] = (torch.rand(B, L, generator=generator) < 0.7).to(dtype)
    if all_of_them or options == "dropout":
        kept = torch.rand(N - 1, B, D, L, generator=generator) < 0.5
        found[7] = 2 * kept.to(dtype)
    return found


def by_sums(*flat: Any) -> Tensor:
    z, w, b, h, s, r, real, noise = flat
    z = z if real is None else z * real[:, None]
    steps, taps, order = z.shape[-1], w.shape[1], h.shape[0] + 1
    padded = torch.nn.functional.pad(z, (taps - 1, 0))
    c = sum(w[:, k : k + 1] * padded[..., k : k + steps] for k in range(taps))
    *gates, v = (c + b[:, None]).chunk(order + 1, dim=1)
    for o in range(order - 1):
        u = v * gates[order - 1 - o]
        u = u if real is None else u * real[:, None]
        u = u if noise is None else u * noise[o]
        v = s[o, :, None] * u
        for j in range(steps):
            v[..., j:] += h[o, :, j : j + 1] * u[..., : steps - j]
            if r is not None and j:
                v[..., : steps - j] += r[o, :, j : j + 1] * u[..., j:]
    return v * gates[0]


def outputs_and_gradients(function: Any, flat: list[Tensor | None]) -> tuple[Any, Any]:
    wanted = [t for t in flat[:6] if t is not None]
    y = function(*flat)
    weights = torch.linspace(-1, 2, y.numel(), dtype=torch.float64).view(y.shape).to(y.dtype)
    return y, torch.autograd.grad(y, wanted, weights)


@pytest.fixture(
    params=[(1, 1 << 25), (1 << 19, 1 << 25), (1 << 11, 0)],
    ids=["features one by one", "together", "a few, nothing kept"],
)
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    block, cheap = request.param
    monkeypatch.setattr(blocks, "BLOCK", block)
    monkeypatch.setattr(blocks, "ROWS", 1)
    monkeypatch.setattr(memory, "CHEAP", cheap)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.usefixtures("_block")
def test_scan_twin_and_sums_agree(sizes: tuple[int, ...], options: str) -> None:
    flat = arguments(sizes, options)
    plain = outputs_and_gradients(gated_plain, flat)
    torch.testing.assert_close(outputs_and_gradients(GatedScan.apply, flat), plain)
    with torch.no_grad():
        torch.testing.assert_close(by_sums(*flat), plain[0])
        torch.testing.assert_close(gated_forward(*flat), plain[0])
        spectra = spectra_of(flat[3], flat[5])
        torch.testing.assert_close(gated_forward(*flat, spectra=spectra), plain[0])


@pytest.mark.parametrize("options", ["plain", "all"])
def test_numeric_derivatives_agree_twice(options: str) -> None:
    flat = arguments((2, 2, 3, 2, 3), options)
    assert torch.autograd.gradcheck(GatedScan.apply, flat)
    assert torch.autograd.gradgradcheck(GatedScan.apply, flat)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_computed_in_float32(dtype: str) -> None:
    half = arguments((2, 4, 258, 3, 3), "all", getattr(torch, dtype))
    same = [None if t is None else t.detach().float().requires_grad_(i < 6) for i, t in
            enumerate(half)]  # fmt: skip
    y, gradients = outputs_and_gradients(GatedScan.apply, half)
    expected, wanted = outputs_and_gradients(GatedScan.apply, same)
    assert {t.dtype for t in (y, *gradients)} == {getattr(torch, dtype)}
    table = TOLERANCES[dtype]
    torch.testing.assert_close(y.float(), expected, **table.values)
    for got, exact in zip(gradients, wanted, strict=True):
        scale = exact.abs().max()
        torch.testing.assert_close(got.float() / scale, exact / scale, **table.gradients)


def test_float32_keeps_its_digits_over_many_steps() -> None:
    exact = arguments((1, 3, 4098, 3, 2))
    flat = [None if t is None else t.detach().float() for t in exact]
    with torch.no_grad():
        got, expected = gated_forward(*flat), gated_plain(*exact)
    scale = expected.abs().max()
    torch.testing.assert_close(
        got.double() / scale, expected / scale, **TOLERANCES["float32"].values
    )


def test_frozen_arguments_have_no_gradient() -> None:
    flat = arguments((2, 3, 33, 3, 3), "two-sided")
    expected = outputs_and_gradients(GatedScan.apply, flat)[1][0]
    for t in flat[1:6]:
        assert t is not None
        t.requires_grad_(False)
    y = GatedScan.apply(*flat)
    weights = torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view(y.shape)
    y.backward(weights)
    torch.testing.assert_close(flat[0].grad, expected)  # type: ignore[union-attr]
    assert all(t is None or t.grad is None for t in flat[1:])


def test_gradients_laid_out_otherwise_are_the_same() -> None:
    flat = arguments((2, 3, 33, 3, 2))
    y = GatedScan.apply(*flat)
    dy = torch.linspace(-1, 2, y.numel(), dtype=y.dtype).view(y.shape)
    expected = torch.autograd.grad(y, flat[:5], dy, retain_graph=True)
    turned = dy.mT.contiguous().mT
    torch.testing.assert_close(torch.autograd.grad(y, flat[:5], turned), expected)


def test_blocks_cover_the_features_once() -> None:
    cpu = torch.device("cpu")
    for rows, features, n in ((1, 128, 1 << 17), (4, 128, 1 << 14), (64, 7, 1 << 20), (0, 3, 16)):
        parts = blocks.blocks(rows, features, n, cpu)
        assert [i for part in parts for i in range(features)[part]] == list(range(features))
        sizes = {part.stop - part.start for part in parts}
        assert max(sizes) * max(1, rows) * n <= blocks.BLOCK or max(sizes) <= blocks.ROWS
