"""Out of torch's graph and back: one node whose backward pass is the guest's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.utils.dlpack import from_dlpack

from ncps.errors import MixedError
from ncps.mixed import Answer, Guest, Request

Asked = Callable[[list[Tensor], list[bool]], Request]


def cross(
    guest: Guest, request: Asked, operands: list[Tensor], dtype: str
) -> tuple[tuple[Tensor, ...], Any]:
    """The guest's outputs for these operands, as torch tensors, and the pattern of its result."""
    wanted = [
        torch.is_grad_enabled() and t.requires_grad and t.is_floating_point() for t in operands
    ]
    given = [t.detach().contiguous() for t in operands]
    answer = guest.run(request(given, wanted), dtype)
    if not any(wanted):
        return tuple(map(_own, answer.outputs)), answer.pattern
    return _Crossing.apply(guest, answer, wanted, *operands), answer.pattern  # type: ignore[no-untyped-call]


def _own(array: Any) -> Tensor:
    """A guest's array in memory of torch's own, into which torch may write."""
    return from_dlpack(array).clone()


class _Crossing(Function):
    """The outputs of an answer, whose gradients the guest gives."""

    @staticmethod
    def forward(
        ctx: Any, guest: Guest, answer: Answer, wanted: Sequence[bool], *operands: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.guest, ctx.answer, ctx.wanted = guest, answer, wanted
        # the guest may share their memory: torch raises when they are changed before backward
        ctx.save_for_backward(*operands)
        return tuple(map(_own, answer.outputs))

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Any:
        ctx.saved_tensors  # noqa: B018  (the check that nothing was changed)
        found = iter(_Pull.apply(ctx.guest, ctx.answer, *cotangents))  # type: ignore[no-untyped-call]
        return (None, None, None, *(next(found) if wanted else None for wanted in ctx.wanted))


class _Pull(Function):
    """The guest's gradients; they cannot be differentiated again."""

    @staticmethod
    def forward(ctx: Any, guest: Guest, answer: Answer, *cotangents: Tensor) -> tuple[Tensor, ...]:
        ctx.guest = guest
        assert answer.pull is not None
        return tuple(map(_own, answer.pull([c.detach().contiguous() for c in cotangents])))

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        raise MixedError(
            f"the gradient through {ctx.guest.name} cannot be differentiated again: its framework "
            "hands back numbers, not a graph. Convert the layer with "
            'ncps.convert(layer, "torch") for second derivatives.'
        )
