"""The mLSTM in chunks agrees with its plain twins, at awkward sizes and with extreme gates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import logsigmoid

from ncps.testing import TOLERANCES
from ncps_xlstm.torch.kernels import (
    MatrixState,
    MLSTMChunks,
    _pieces,
    empty_state,
    mlstm_forward,
    mlstm_parallel,
    mlstm_plain,
    mlstm_recurrent,
)

# B, N, S, K, V
SIZES = [(1, 1, 1, 1, 1), (2, 1, 31, 3, 5), (1, 2, 32, 31, 1), (2, 2, 33, 5, 33), (1, 3, 65, 2, 7)]
CHUNKS = [1, 8, 31, 32, 64]
DTYPE = torch.float64


def arguments(
    sizes: tuple[int, int, int, int, int], gates: float = 1.0, dtype: torch.dtype = DTYPE
) -> list[Tensor]:
    """q, k, v, i, f and a state, of which all but m may be differentiated."""
    generator = torch.Generator().manual_seed(0)
    B, N, S, K, V = sizes
    shapes = [(B, N, S, K), (B, N, S, K), (B, N, S, V), (B, N, S), (B, N, S)]
    shapes += [(B, N, K, V), (B, N, K), (B, N)]
    drawn = [torch.randn(shape, generator=generator, dtype=DTYPE) for shape in shapes]
    drawn[3], drawn[4] = gates * drawn[3], logsigmoid(1 + gates * drawn[4])
    drawn = [t.to(dtype) for t in drawn]
    return [t.requires_grad_() for t in drawn[:-1]] + drawn[-1:]


def plain(chunk: int) -> Callable[..., tuple[Tensor, ...]]:
    """The plain twin with the signature of the fast one."""

    def run(*flat: Tensor) -> tuple[Tensor, ...]:
        h, state = mlstm_plain(*flat[:5], MatrixState(*flat[5:]), chunk)
        return h, *state

    return run


def recurrent(*flat: Tensor) -> tuple[Tensor, ...]:
    h, state = mlstm_recurrent(*flat[:5], MatrixState(*flat[5:]))
    return h, *state


def fast(chunk: int) -> Callable[..., tuple[Tensor, ...]]:
    return lambda *flat: MLSTMChunks.apply(chunk, *flat)


def outputs_and_gradients(
    function: Callable[..., tuple[Tensor, ...]], flat: list[Tensor], used: str = "both"
) -> tuple[Any, Any]:
    """Of a loss on h, on the last C and n, or on both."""
    h, C, n, m = function(*flat)
    parts = {"h": (h,), "state": (C, n), "both": (h, C, n)}[used]
    loss = sum(
        (part.float() if part.dtype == torch.bfloat16 else part)
        .mul(torch.linspace(-1, 2, part.numel(), dtype=torch.float64).view_as(part).to(part.dtype))
        .sum()
        for part in parts
    )
    return (h, C, n, m), torch.autograd.grad(
        loss, flat[:-1], allow_unused=True, materialize_grads=True
    )


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("chunk", CHUNKS)
def test_chunks_agree_with_recurrence(sizes: Any, chunk: int) -> None:
    flat = arguments(sizes)
    expected = outputs_and_gradients(recurrent, flat)
    bounds = TOLERANCES["float64"]
    for function in (plain(chunk), fast(chunk)):
        values, gradients = outputs_and_gradients(function, flat)
        torch.testing.assert_close(values, expected[0], **bounds.values)
        torch.testing.assert_close(gradients, expected[1], **bounds.gradients)
    with torch.no_grad():
        torch.testing.assert_close(mlstm_forward(chunk, *flat), expected[0], **bounds.values)


@pytest.mark.parametrize("used", ["h", "state", "both"])
@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_segments_agree_with_recurrence(
    used: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = (2, 2, 65, 4, 3)
    flat = arguments(sizes)
    # seven chunks of ten steps at most, so many of them in a segment, the last one shorter
    numbers = 2 * 2 * (2 * 100 + 5 * 40 + 3 * 30 + 2 * 12)
    monkeypatch.setattr(_pieces, "SEGMENT", at_once * numbers)
    plan = _pieces.plan_of(flat[0], flat[2], 10)
    assert (plan.chunks, plan.rest, plan.at_once) == (7, 5, at_once)
    found = outputs_and_gradients(fast(10), flat, used)
    torch.testing.assert_close(found, outputs_and_gradients(recurrent, flat, used))


def test_inputs_may_lie_in_memory_as_a_projection_leaves_them() -> None:
    flat = arguments((3, 2, 33, 5, 4))
    turned = [t.detach().transpose(1, 2).contiguous().transpose(1, 2) for t in flat[:3]]
    turned = [t.requires_grad_() for t in turned]
    found = outputs_and_gradients(fast(16), turned + flat[3:])
    torch.testing.assert_close(found, outputs_and_gradients(fast(16), flat))


@pytest.mark.parametrize("function", [fast(8), plain(8)], ids=["fast", "plain"])
def test_steps_without_gates_leave_the_state_as_it_is(function: Any) -> None:
    q, k, v, i, f, *state = (t.detach() for t in arguments((2, 1, 33, 3, 2)))
    real = torch.rand(2, 1, 33, generator=torch.Generator().manual_seed(1)) < 0.6
    i, f = i.masked_fill(~real, -torch.inf).requires_grad_(), f.masked_fill(~real, 0)
    h, *last = function(q, k, v, i, f, *state)
    (by_i,) = torch.autograd.grad(h.sum(), i)
    # nothing but what rounds away: 1e-35 in float32
    assert torch.isfinite(by_i).all()
    torch.testing.assert_close(by_i[~real], torch.zeros_like(by_i[~real]))
    for row in range(2):
        own = real[row, 0]
        kept = [t[row : row + 1, :, own] for t in (q, k, v, i, f)]
        alone = recurrent(*kept, *(s[row : row + 1] for s in state))
        torch.testing.assert_close(h[row : row + 1, :, own], alone[0])
        torch.testing.assert_close([s[row : row + 1] for s in last], list(alone[1:]))


@pytest.mark.parametrize("function", [fast(16), plain(16), recurrent], ids=["fast", "plain", "rec"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("i", [-50.0, 50.0])
@pytest.mark.parametrize("f", [-50.0, 50.0])
def test_extreme_gates_stay_finite(function: Any, dtype: str, i: float, f: float) -> None:
    flat = arguments((1, 2, 33, 4, 4), dtype=getattr(torch, dtype))
    state = empty_state(flat[0], flat[2])
    gates = [torch.full_like(flat[3], i), logsigmoid(torch.full_like(flat[3], f))]
    given = [t.detach().requires_grad_() for t in (*flat[:3], *gates, *state)]
    values, gradients = outputs_and_gradients(function, given)
    assert all(torch.isfinite(t).all() for t in (*values, *gradients))


@pytest.mark.parametrize("gates", [1.0, 10.0])
def test_single_precision_is_that_of_the_reference(gates: float) -> None:
    sizes = (2, 2, 257, 8, 8)
    expected = outputs_and_gradients(recurrent, arguments(sizes, gates))
    found = outputs_and_gradients(fast(64), arguments(sizes, gates, torch.float32))
    bounds = TOLERANCES["float32"]
    for got, true, own in zip(found, expected, (bounds.values, bounds.gradients), strict=True):
        for a, b in zip(got, true, strict=True):
            # the denominator of h is a sum that cancels: what counts is the size of the whole
            scale = b.abs().max().clamp(min=1)
            torch.testing.assert_close(a.double() / scale, b / scale, **own)


def test_half_precision_keeps_its_state_in_single() -> None:
    flat = arguments((2, 2, 65, 8, 8), dtype=torch.bfloat16)
    single = [t.detach().float().requires_grad_() for t in flat]
    state = empty_state(flat[0], flat[2])
    assert state.C.dtype == torch.float32
    h, *last = MLSTMChunks.apply(32, *flat[:5], *state)
    expected = MLSTMChunks.apply(32, *single[:5], *state)
    assert h.dtype == torch.bfloat16
    assert {s.dtype for s in last} == {torch.float32}
    torch.testing.assert_close((h.float(), *last), expected, **TOLERANCES["bfloat16"].values)
    own = torch.autograd.grad(h.float().sum(), flat[:5])
    assert {g.dtype for g in own} == {torch.bfloat16}
    true = torch.autograd.grad(expected[0].sum(), single[:5])
    for a, b in zip(own, true, strict=True):
        bounds = TOLERANCES["bfloat16"].gradients
        torch.testing.assert_close(a.float() / b.abs().max(), b / b.abs().max(), **bounds)


@pytest.mark.parametrize("cut", [1, 31, 64])
def test_sequence_may_be_split(cut: int) -> None:
    flat = [t.detach() for t in arguments((2, 2, 65, 3, 4), dtype=torch.float32)]
    h, *last = mlstm_forward(16, *flat)
    first, *state = mlstm_forward(16, *(t[:, :, :cut] for t in flat[:5]), *flat[5:])
    second, *end = mlstm_forward(16, *(t[:, :, cut:] for t in flat[:5]), *state)
    bounds = TOLERANCES["float32"].values
    torch.testing.assert_close(torch.cat([first, second], 2), h, **bounds)
    torch.testing.assert_close(end, last, **bounds)


def test_decay_keeps_its_digits_beside_strong_forgetting() -> None:
    # the sum of log gates passes -1000: in single precision its differences would be off by 1e-4
    flat = [t.detach() for t in arguments((1, 1, 64, 4, 4))]
    flat[4] = torch.full_like(flat[4], -0.01)
    flat[4][..., :24] = -50.0
    h = recurrent(*flat)[0]
    got = mlstm_forward(64, *(t.float() for t in flat))[0].double()
    torch.testing.assert_close(got, h, **TOLERANCES["float32"].values)


def test_numeric_derivatives_agree_twice() -> None:
    q, k, v, i, f, C, n, m = arguments((1, 2, 5, 2, 3))

    def run(*leaves: Tensor) -> Tensor:
        return MLSTMChunks.apply(3, *leaves, m)[0]

    # m is a constant for derivatives, and ε makes h depend on it in the sixth digit
    leaves = (q, k, v, i, f, C, n)
    assert torch.autograd.gradcheck(run, leaves, atol=1e-4)
    assert torch.autograd.gradgradcheck(run, leaves, atol=1e-3)


def test_transforms_take_the_plain_twin() -> None:
    flat = [t.detach() for t in arguments((3, 2, 9, 2, 3))]

    def loss(*flat: Tensor) -> Tensor:
        return plain(4)(*flat)[0].square().sum()

    leaves = tuple(range(5))
    found = grad(loss, argnums=leaves)(*flat)
    varied = [t.clone().requires_grad_() for t in flat]
    expected = torch.autograd.grad(MLSTMChunks.apply(4, *varied)[0].square().sum(), varied[:5])
    torch.testing.assert_close(found, expected)
    alone = vmap(grad(loss, argnums=leaves))(*(t[:, None] for t in flat))
    torch.testing.assert_close([t[:, 0] for t in alone], list(expected))


def test_what_is_kept_grows_with_the_length_alone() -> None:
    def kept(steps: int) -> int:
        flat, sizes = arguments((1, 2, steps, 8, 8), dtype=torch.float32), []

        def pack(t: Tensor) -> Tensor:
            sizes.append(t.numel())
            return t

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            MLSTMChunks.apply(32, *flat)
        return sum(sizes)

    # q, k, v, h of 8 numbers each, i, f, 1/r and a sign, and a state of 72 in 32 steps at most
    assert kept(1024) < 2 * 1024 * (4 * 8 + 4 + 3)
    assert kept(2048) < 2.1 * kept(1024)


def test_parallel_form_is_one_chunk() -> None:
    flat = arguments((2, 2, 33, 3, 4))
    h, state = mlstm_parallel(*flat[:5], MatrixState(*flat[5:]))
    torch.testing.assert_close((h, *state), MLSTMChunks.apply(33, *flat))
