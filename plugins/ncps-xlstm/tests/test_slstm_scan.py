"""The hand-written sLSTM scan agrees with its plain twin, at awkward sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap

from ncps.testing import TOLERANCES
from ncps_xlstm.torch.kernels import ScalarState, _pieces, slstm_plain, slstm_scan

# B, T, N, D
SIZES = [(1, 1, 1, 1), (3, 31, 2, 3), (1, 32, 1, 31), (2, 33, 3, 2), (5, 65, 2, 1)]
DTYPE = torch.float64
KERNELS = pytest.mark.parametrize("kernel", [slstm_scan, slstm_plain], ids=["scan", "plain"])


def arguments(
    sizes: tuple[int, int, int, int], dtype: torch.dtype = DTYPE, empty: bool = False
) -> list[Tensor]:
    """p, R and the state h, c, n, m, of which all but m may be differentiated."""
    generator = torch.Generator().manual_seed(0)
    B, T, N, D = sizes
    shapes = [(B, T, 4, N, D), (N, D, 4, D), *[(B, N, D)] * 4]
    p, R, h, c, n, m = (torch.randn(shape, generator=generator, dtype=DTYPE) for shape in shapes)
    state = [torch.zeros_like(h)] * 4 if empty else [h, c, n.abs() + 0.1, m]
    drawn = [t.to(dtype) for t in (p, 0.5 * R, *state)]
    return [t.clone().requires_grad_() for t in drawn[:-1]] + drawn[-1:]


def outputs_and_gradients(
    kernel: Callable[..., Any], flat: list[Tensor], used: str = "both"
) -> tuple[Any, Any]:
    """Of a loss on h, on the last h, c and n, or on both."""
    y, state = kernel(*flat[:2], ScalarState(*flat[2:]))
    parts = {"h": (y,), "state": state[:3], "both": (y, *state[:3])}[used]
    loss = sum(
        (part.double() * torch.linspace(-1, 2, part.numel(), dtype=DTYPE).view_as(part)).sum()
        for part in parts
    )
    return (y, *state), torch.autograd.grad(
        loss, flat[:-1], allow_unused=True, materialize_grads=True
    )


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("used", ["h", "state", "both"])
@pytest.mark.parametrize("empty", [False, True])
def test_scan_agrees_with_twin(
    sizes: Any, used: str, empty: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # several chunks, the last one shorter
    monkeypatch.setattr(_pieces, "SCAN", 500)
    flat = arguments(sizes, empty=empty)
    values, gradients = outputs_and_gradients(slstm_scan, flat, used)
    expected = outputs_and_gradients(slstm_plain, flat, used)
    torch.testing.assert_close((values, gradients), expected)
    with torch.no_grad():
        y, state = slstm_scan(*flat[:2], ScalarState(*flat[2:]))
    torch.testing.assert_close((y, *state), values, rtol=0, atol=0)


def test_stabiliser_of_an_empty_state_does_not_count() -> None:
    p, R, h, c, n, m = (t.detach() for t in arguments((2, 9, 2, 3), empty=True))
    # some memories are empty, others are not
    n[:, 0], c[:, 0] = 1, 0.5
    y, state = slstm_scan(p, R, ScalarState(h, c, n, m))
    n_, c_ = n.clone(), c.clone()
    again, same = slstm_scan(p, R, ScalarState(h, c_, n_, torch.where(n == 0, 70.0, m)))
    torch.testing.assert_close((again, *same), (y, *state), rtol=0, atol=0)
    torch.testing.assert_close((y, *state), _flat(slstm_plain(p, R, ScalarState(h, c, n, m))))


def _flat(result: tuple[Tensor, ScalarState]) -> tuple[Tensor, ...]:
    return result[0], *result[1]


@pytest.mark.parametrize("empty", [False, True])
def test_steps_without_gates_leave_the_memory_as_it_is(empty: bool) -> None:
    p, R, *state = (t.detach() for t in arguments((3, 33, 2, 2), empty=empty))
    steps = torch.tensor([20, 33, 0])
    after = torch.arange(33)[None] >= steps[:, None]
    p[:, :, 0].masked_fill_(after[:, :, None, None], -torch.inf)
    p[:, :, 1].masked_fill_(after[:, :, None, None], torch.inf)
    p.requires_grad_()
    y, last = slstm_scan(p, R, ScalarState(*state))
    (by_p,) = torch.autograd.grad(y.sum() + last.c.sum() + last.n.sum(), p)
    assert torch.isfinite(by_p).all()
    for row, count in enumerate(steps.tolist()):
        kept = [s[row : row + 1] for s in last[1:]]
        if not count:
            torch.testing.assert_close(kept, [s[row : row + 1] for s in state[1:]])
            continue
        own = ScalarState(*(s[row : row + 1] for s in state))
        alone = slstm_plain(p[row : row + 1, :count], R, own)
        torch.testing.assert_close(y[row : row + 1, :count], alone[0])
        torch.testing.assert_close(kept, list(alone[1][1:]))


@KERNELS
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("i", [-50.0, 50.0])
@pytest.mark.parametrize("f", [-50.0, 50.0])
def test_extreme_gates_stay_finite(kernel: Any, dtype: str, i: float, f: float) -> None:
    p, *rest = arguments((2, 33, 2, 3), empty=True, dtype=getattr(torch, dtype))
    p = p.detach().clone()
    p[:, :, 0], p[:, :, 1] = i, f
    state = [t.detach().float() for t in rest[1:]]
    flat = [p.requires_grad_(), rest[0], *(t.requires_grad_() for t in state[:-1]), state[-1]]
    values, gradients = outputs_and_gradients(kernel, flat, "h")
    assert all(torch.isfinite(t).all() for t in values)
    assert all(torch.isfinite(t).all() for t in gradients if t is not None)


def test_single_precision_is_that_of_the_reference() -> None:
    sizes = (2, 257, 2, 8)
    expected = outputs_and_gradients(slstm_plain, arguments(sizes))
    found = outputs_and_gradients(slstm_scan, arguments(sizes, torch.float32))
    bounds = TOLERANCES["float32"]
    for got, true, own in zip(found, expected, (bounds.values, bounds.gradients), strict=True):
        for a, b in zip(got, true, strict=True):
            scale = b.abs().max().clamp(min=1)
            torch.testing.assert_close(a.double() / scale, b / scale, **own)


@KERNELS
def test_half_precision_keeps_its_state_in_single(kernel: Any) -> None:
    p, R, *state = (t.detach() for t in arguments((2, 65, 2, 4), torch.bfloat16))
    state = ScalarState(*(t.float() for t in state))
    y, last = kernel(p, R, state)
    assert y.dtype == torch.bfloat16
    assert {s.dtype for s in last} == {torch.float32}
    expected = slstm_plain(p.double(), R.double(), ScalarState(*(s.double() for s in state)))
    got = [t.double() for t in (y, *last)]
    torch.testing.assert_close(got, list(_flat(expected)), **TOLERANCES["bfloat16"].values)


@pytest.mark.parametrize("cut", [1, 31, 64])
def test_sequence_may_be_split(cut: int) -> None:
    p, R, *state = (t.detach() for t in arguments((2, 65, 2, 4), torch.float32))
    y, last = slstm_scan(p, R, ScalarState(*state))
    first, between = slstm_scan(p[:, :cut], R, ScalarState(*state))
    second, end = slstm_scan(p[:, cut:], R, between)
    bounds = TOLERANCES["float32"].values
    torch.testing.assert_close(torch.cat([first, second], 1), y, **bounds)
    torch.testing.assert_close(list(end), list(last), **bounds)


def test_numeric_derivatives_agree_twice() -> None:
    *leaves, m = arguments((2, 3, 1, 2))

    def run(*leaves: Tensor) -> tuple[Tensor, ...]:
        y, state = slstm_scan(*leaves[:2], ScalarState(*leaves[2:], m))
        # what does not depend on the m that is held constant
        return y, state.c / state.n

    assert torch.autograd.gradcheck(run, leaves)
    assert torch.autograd.gradgradcheck(run, leaves)


def test_transforms_take_the_plain_twin() -> None:
    flat = [t.detach() for t in arguments((3, 5, 2, 2))]

    def loss(p: Tensor, R: Tensor, *state: Tensor) -> Tensor:
        return slstm_plain(p, R, ScalarState(*state))[0].square().sum()

    found = grad(loss, argnums=(0, 1))(*flat)
    p, R = (t.clone().requires_grad_() for t in flat[:2])
    y, _ = slstm_scan(p, R, ScalarState(*flat[2:]))
    expected = torch.autograd.grad(y.square().sum(), (p, R))
    torch.testing.assert_close(found, expected)
    rows = (t[:, None] for t in (flat[0], *flat[2:]))
    alone = vmap(grad(loss, argnums=(0, 1)), in_dims=(0, None, *[0] * 4))(
        next(rows), flat[1], *rows
    )
    torch.testing.assert_close((alone[0][:, 0], alone[1].sum(0)), expected)
