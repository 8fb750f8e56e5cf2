"""The hand-written CfC scan agrees with its plain twin, at awkward sizes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from ncps_torch.kernels import Arguments, CfCScan, Plan, cfc_forward, cfc_plain, plan_of
from ncps_torch.kernels import _activations as activations
from ncps_torch.kernels import _chunks as chunks
from ncps_torch.kernels._cfc_backward import backward
from ncps_torch.kernels._cfc_scan import run

SIZES = [(1, 1, 1, 1), (31, 3, 1, 33), (32, 1, 31, 32), (33, 2, 65, 31), (65, 5, 7, 3)]
HEADS = {"pure": 1, "default": 3, "no_gate": 3}


def arguments(
    mode: str,
    sizes: tuple[int, int, int, int] = (7, 3, 5, 4),
    *,
    timed: bool = False,
    backbone: tuple[int, ...] = (6,),
    dropped: bool = False,
) -> Arguments:
    """Random float64 arguments for T, B, D, H."""
    generator = torch.Generator().manual_seed(0)

    def tensor(*shape: int, scale: float = 0.5) -> Tensor:
        values = scale * torch.randn(*shape, generator=generator, dtype=torch.float64)
        return values.requires_grad_()

    T, B, D, H = sizes
    last = H * (4 if timed and mode != "pure" else HEADS[mode])
    widths = (*backbone, last)
    rest = tuple((tensor(k, n), tensor(n)) for k, n in itertools.pairwise(widths))
    dt = (torch.rand(T, B, 1, generator=generator, dtype=torch.float64) + 0.1).requires_grad_()
    drops = tuple(
        torch.bernoulli(torch.full((T, B, k), 0.5, dtype=torch.float64), generator=generator) * 2
        for k in backbone
    )
    return Arguments(
        x=tensor(T, B, D),
        h=tensor(B, H),
        dt=dt if timed or mode == "pure" else None,
        W=tensor(D, widths[0]),
        U=tensor(H, widths[0]),
        b=tensor(widths[0]),
        rest=rest,
        tau=(tensor(H), tensor(H)) if mode == "pure" else (),
        drops=drops if dropped else (),
    )


def gradients(function: Any, plan: Plan, a: Arguments) -> tuple[Tensor, list[Tensor]]:
    states = function(plan, a)
    cotangent = torch.linspace(-1, 2, states.numel(), dtype=states.dtype).view_as(states)
    wanted = [t for t in a.flat() if t is not None and t.requires_grad]
    return states, list(torch.autograd.grad(states, wanted, cotangent))


def scan(plan: Plan, a: Arguments) -> Tensor:
    return CfCScan.apply(plan, *a.flat())


def agree(mode: str, phi: str, a: Arguments) -> None:
    plan = plan_of(mode, phi, a)
    expected, by_twin = gradients(cfc_plain, plan, a)
    got, by_scan = gradients(scan, plan, a)
    torch.testing.assert_close(got, expected)
    for one, two in zip(by_scan, by_twin, strict=True):
        torch.testing.assert_close(one, two)
    with torch.no_grad():
        torch.testing.assert_close(cfc_forward(plan, a), expected)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
@pytest.mark.parametrize("timed", [False, True])
def test_scan_agrees_with_twin(
    mode: str, timed: bool, sizes: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    # several chunks, the last one shorter
    monkeypatch.setattr(chunks, "CHUNK", 3000)
    agree(mode, "tanh", arguments(mode, sizes, timed=timed))


@pytest.mark.parametrize("phi", ["gelu", "relu", "silu", "tanh"])
@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("backbone", [(6,), (6, 9), (5, 5, 5)])
def test_every_backbone_agrees_with_twin(
    phi: str, dropped: bool, backbone: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 250)
    agree("default", phi, arguments("default", backbone=backbone, dropped=dropped))


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
@pytest.mark.parametrize("timed", [False, True])
def test_scan_of_half_precision_agrees_with_twin(
    mode: str, timed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # its operations, with numbers that show an error
    monkeypatch.setattr(activations, "FOLDED", ())
    monkeypatch.setattr(chunks, "CHUNK", 250)
    agree(mode, "tanh", arguments(mode, timed=timed))


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
@pytest.mark.parametrize("timed", [False, True])
def test_no_backbone_agrees_with_twin(mode: str, timed: bool) -> None:
    agree(mode, "tanh", arguments(mode, timed=timed, backbone=()))


@pytest.mark.parametrize("mode", ["default", "pure"])
def test_numeric_derivatives_agree_twice(mode: str) -> None:
    a = arguments(mode, (3, 2, 2, 2), timed=True, backbone=(3,))
    plan = plan_of(mode, "tanh", a)
    flat = a.flat()
    assert torch.autograd.gradcheck(lambda *t: CfCScan.apply(plan, *t), flat)
    assert torch.autograd.gradgradcheck(lambda *t: CfCScan.apply(plan, *t), flat)


@pytest.mark.parametrize("mode", ["default", "pure"])
def test_inputs_and_times_that_need_no_gradient_get_none(mode: str) -> None:
    a = arguments(mode, timed=True)
    agree(mode, "tanh", a._replace(x=a.x.detach(), dt=a.dt.detach()))
    plan = plan_of(mode, "tanh", a)
    with torch.no_grad():
        states, stages = run(plan, a, keep=True)
        needed = [tensor is not a.x and tensor is not a.dt for tensor in a.flat()]
        found = backward(plan, a, states, stages, states[1:], tuple(needed))
    assert [gradient is not None for gradient in found] == needed


def test_backward_runs_twice_over_a_kept_graph() -> None:
    a = arguments("default")
    states = scan(plan_of("default", "tanh", a), a)
    one = torch.autograd.grad(states.sum(), a.U, retain_graph=True)
    two = torch.autograd.grad(states.sum(), a.U)
    torch.testing.assert_close(one, two, rtol=0, atol=0)
