"""What the kernels on torch keep for a backward, what that saves, and how rows lie in memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ncps_hyena.torch.kernels import FiltersScan, GatedScan, Numbers
from ncps_hyena.torch.kernels import _memory as memory

B, D, L, K, N = 3, 5, 300, 3, 3
# a transform of 640 entries is what so many steps take
BINS = 321
E, F, INNER, M = 5, 8, 2, 4


class Calls(TorchDispatchMode):
    """How often each operation of torch is called."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found[func.overloadpacket.__name__.rstrip("_")] += 1
        return func(*args, **(kwargs or {}))

    def of(self, *names: str) -> list[int]:
        return [self.found[name] for name in names]


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape))).requires_grad_()


def convolutions() -> list[Tensor | None]:
    C = (N + 1) * D
    return [drawn(B, C, L), drawn(C, K), drawn(C), drawn(N - 1, D, L), drawn(N - 1, D)] + 3 * [None]


def network() -> list[Any]:
    maps = [drawn(F, E), drawn(F)]
    for _ in range(INNER):
        maps += [drawn(F, F), drawn(F)]
    return [Numbers(0.05, 1 / L), drawn(L, E).detach(), drawn(M).detach(), drawn(M, F), *maps]


def kept_beside(flat: list[Any], y: Tensor) -> int:
    """Numbers that the graph of y holds, beside the arguments."""
    own = {t.data_ptr() for t in flat if isinstance(t, Tensor)}
    saved = [t for t in y.grad_fn.saved_tensors if t is not None]  # type: ignore[union-attr]
    return sum(t.numel() * (2 if t.is_complex() else 1) for t in saved if t.data_ptr() not in own)


@pytest.fixture(params=[0, 1 << 25], ids=["memory is dear", "memory is cheap"])
def cheap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(memory, "CHEAP", request.param)
    return bool(request.param)


def test_a_backward_transforms_again_only_what_was_not_kept(cheap: bool) -> None:
    flat = convolutions()
    with Calls() as forward:
        y = GatedScan.apply(*flat)
    # filters and u there, v back
    assert forward.of("_fft_r2c", "_fft_c2r") == [2 * (N - 1), N - 1]
    with Calls() as backward:
        y.sum().backward()
    # the cotangent there; u and the filters back
    again = 0 if cheap else 2
    assert backward.of("_fft_r2c", "_fft_c2r") == [(1 + again) * (N - 1), 2 * (N - 1)]


def test_transforms_are_kept_where_they_are_cheap(cheap: bool) -> None:
    flat = convolutions()
    v, H, U = B * D * L, 2 * D * BINS, 2 * B * D * BINS
    kept = kept_beside(flat, GatedScan.apply(*flat))
    assert kept == (N - 1) * (v + H + U if cheap else v)


def test_nobody_keeps_what_frozen_filters_do_not_need(cheap: bool) -> None:
    flat = convolutions()
    flat[3] = flat[3].detach()  # type: ignore[union-attr]
    y = GatedScan.apply(*flat)
    assert kept_beside(flat, y) == (N - 1) * (B * D * L + (2 * D * BINS if cheap else 0))
    with Calls() as backward:
        y.sum().backward()
    assert backward.of("_fft_r2c", "_fft_c2r") == [(1 if cheap else 2) * (N - 1), N - 1]


def test_what_is_kept_serves_a_second_backward(cheap: bool) -> None:
    for function, flat in ((GatedScan, convolutions()), (FiltersScan, network())):
        y = function.apply(*flat)
        wanted = [t for t in flat if isinstance(t, Tensor) and t.requires_grad]
        first, second = (
            torch.autograd.grad(y.square().sum(), wanted, retain_graph=True) for _ in range(2)
        )
        torch.testing.assert_close(second, first, rtol=0, atol=0)


def test_sines_are_kept_where_they_are_cheap(cheap: bool) -> None:
    flat = network()
    with Calls() as forward:
        h = FiltersScan.apply(*flat)
    assert forward.of("sin", "cos") == [INNER + 1, 0]
    assert kept_beside(flat, h) == ((INNER + 1) * L * F if cheap else 0)
    with Calls() as backward:
        h.sum().backward()
    assert backward.of("sin", "cos") == [0 if cheap else INNER + 1, INNER + 1]


@pytest.mark.parametrize(
    ("steps", "apart"), [(0, 0), (1, 1), (16, 16), (17, 32), (65, 80), (1023, 1040), (1024, 1040),
                         (1025, 1040), (8192, 8208)]
)  # fmt: skip
def test_rows_begin_at_multiples_of_16_but_not_of_a_page(steps: int, apart: int) -> None:
    found = memory.rows(torch.empty(0, dtype=torch.float64), 2, 3, steps)
    assert found.shape == (2, 3, steps)
    assert found.dtype == torch.float64
    assert found.stride() == (3 * max(apart, 1), max(apart, 1), 1)
