"""The hand-written LSTM scan agrees with its plain twin, at awkward sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ncps_torch.kernels import LSTMScan, lstm_forward, lstm_plain
from ncps_torch.kernels import _chunks as chunks

SIZES = [(1, 1, 1, 1), (31, 3, 1, 33), (32, 1, 31, 32), (33, 2, 65, 31), (65, 5, 7, 3)]


def arguments(sizes: tuple[int, int, int, int], use_bias: bool = True) -> list[Tensor | None]:
    generator = torch.Generator().manual_seed(0)
    T, B, D, H = sizes
    shapes = [(T, B, D), (B, H), (B, H), (D, 4 * H), (H, 4 * H), (4 * H,)]
    flat: list[Tensor | None] = [
        (0.5 * torch.randn(s, generator=generator, dtype=torch.float64)).requires_grad_()
        for s in shapes
    ]
    return flat if use_bias else [*flat[:-1], None]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("used", ["h", "c", "both"])
def test_scan_agrees_with_twin(
    sizes: tuple[int, int, int, int],
    use_bias: bool,
    used: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # several chunks, the last one shorter
    monkeypatch.setattr(chunks, "CHUNK", 3000)
    flat = arguments(sizes, use_bias)
    wanted = [t for t in flat if t is not None]
    results = []
    for function in (lstm_plain, LSTMScan.apply):
        h, c = function(*flat)
        weights = torch.linspace(-1, 2, h.numel(), dtype=h.dtype).view_as(h)
        loss = {"h": h, "c": c, "both": h + c * c}[used] * weights
        results.append((h, c, torch.autograd.grad(loss.sum(), wanted)))
    torch.testing.assert_close(results[1], results[0])
    with torch.no_grad():
        torch.testing.assert_close(lstm_forward(*flat), results[0][:2])


def test_numeric_derivatives_agree_twice() -> None:
    flat = arguments((3, 2, 2, 2))
    assert torch.autograd.gradcheck(LSTMScan.apply, flat)
    assert torch.autograd.gradgradcheck(LSTMScan.apply, flat)
