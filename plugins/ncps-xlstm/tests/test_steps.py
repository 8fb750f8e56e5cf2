"""A step without a gradient agrees with its plain twin, at awkward sizes and from empty states."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ncps.testing import TOLERANCES
from ncps_xlstm.torch.kernels import (
    MatrixState,
    ScalarState,
    mlstm_step,
    mlstm_step_forward,
    slstm_plain,
    slstm_step_forward,
)

# B, N, K, V
SIZES = [(1, 1, 1, 1), (2, 1, 31, 5), (1, 3, 32, 33), (3, 2, 7, 65)]
DTYPE = torch.float64


def drawn(*shapes: tuple[int, ...], dtype: torch.dtype = DTYPE) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(s, generator=generator, dtype=DTYPE).to(dtype) for s in shapes]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("dtype", [DTYPE, torch.bfloat16])
def test_step_of_mlstm_agrees_with_twin(
    sizes: tuple[int, int, int, int], empty: bool, dtype: torch.dtype
) -> None:
    B, N, K, V = sizes
    q, k, v, i, f = drawn((B, N, K), (B, N, K), (B, N, V), (B, N), (B, N), dtype=dtype)
    wide = torch.float32 if dtype == torch.bfloat16 else dtype
    state = MatrixState(*drawn((B, N, K, V), (B, N, K), (B, N), dtype=wide))
    if empty:
        state = MatrixState(*map(torch.zeros_like, state))
    flat = q, k, v, i, -f.exp()
    kept = [t.clone() for t in (*flat, *state)]
    (h, new), (expected, after) = mlstm_step_forward(*flat, state), mlstm_step(*flat, state)
    for one, two in zip((h, *new), (expected, *after), strict=True):
        torch.testing.assert_close(one, two)
    # a state that is given, and what stands beside it, stay as they are
    torch.testing.assert_close([*flat, *state], kept, rtol=0, atol=0)


@pytest.mark.parametrize("gates", ["drawn", "closed", "open"])
def test_step_of_mlstm_takes_extreme_gates(gates: str) -> None:
    q, k, v, i, f, *state = drawn(*[(2, 3, 4)] * 3, (2, 3), (2, 3), (2, 3, 4, 4), (2, 3, 4), (2, 3))
    i, f = {
        "drawn": (i, -f.exp()),
        "closed": (torch.full_like(i, -torch.inf), torch.zeros_like(f)),
        "open": (i + 500, f - 500),
    }[gates]
    memory = MatrixState(*state)
    (h, new), (expected, after) = (
        run(q, k, v, i, f, memory) for run in (mlstm_step_forward, mlstm_step)
    )
    torch.testing.assert_close((h, *new), (expected, *after))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("state", ["drawn", "empty", "mixed"])
@pytest.mark.parametrize("dtype", [DTYPE, torch.float32])
def test_step_of_slstm_agrees_with_twin(
    sizes: tuple[int, int, int, int], state: str, dtype: torch.dtype
) -> None:
    B, N, D, _ = sizes
    h, c, n, m, *rest = drawn(*[(B, N, D)] * 8, *[(N, D, D)] * 4, dtype=dtype)
    n = n.exp()
    if state != "drawn":
        # some rows or all are empty, whatever their m says
        full = torch.zeros(B, 1, 1) if state == "empty" else torch.arange(B).view(B, 1, 1) % 2
        h, c, n = (t * full.to(dtype) for t in (h, c, n))
    gates, R = rest[:4], [r / D for r in rest[4:]]
    memory = ScalarState(h, c, n, m)
    y, expected = slstm_plain(torch.stack(gates, 1)[:, None], torch.stack(R, 2), memory)
    flat = [g.flatten(1) for g in gates]
    own = ScalarState(*(s.flatten(1) for s in memory))
    kept = [t.clone() for t in (*flat, *R, *own)]
    got = slstm_step_forward(flat, R, own)
    bounds = TOLERANCES["float64" if dtype == DTYPE else "float32"]
    torch.testing.assert_close(got.h, y[:, 0].flatten(1), **bounds.values)
    for one, two in zip(got, expected, strict=True):
        torch.testing.assert_close(one, two.flatten(1), **bounds.values)
    torch.testing.assert_close([*flat, *R, *own], kept, rtol=0, atol=0)


def test_step_of_slstm_from_nothing_takes_a_gate_that_is_shut() -> None:
    shapes = [(2, 6)] * 5 + [(1, 6, 6)] * 4
    i, f, z, o, m, *R = drawn(*shapes)
    nothing = torch.zeros_like(m)
    # what would be kept of the empty state is beyond all numbers
    h, c, n, new = slstm_step_forward(
        [i - 2000, f, z, o], R, ScalarState(nothing, nothing, nothing, m)
    )
    torch.testing.assert_close(h, o.sigmoid() * z.tanh())
    torch.testing.assert_close((c, n, new), (z.tanh(), torch.ones_like(n), i - 2000))
