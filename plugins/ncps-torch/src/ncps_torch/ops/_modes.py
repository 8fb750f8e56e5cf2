"""In which of torch's modes is this code running: a transform, an export, autocast?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad


def _no_transform() -> int | None:
    return None


_NOTHING = nullcontext()
# the level of torch.func's innermost transform; private, but the only question that there is
_level = cast(
    Callable[[], int | None],
    getattr(torch._C._functorch, "maybe_current_level", _no_transform),
)


def in_transform() -> bool:
    """Whether torch.func, forward-mode AD, compile or export is looking at the operations."""
    return (
        torch.compiler.is_compiling()
        or _level() is not None
        or getattr(forward_ad, "_current_level", -1) >= 0
    )


def wants_gradient(tensors: Iterable[Tensor | None]) -> bool:
    """Whether a gradient of one of them may be asked for."""
    # inside an autograd.Function needs_input_grad stays true under no_grad: it must be asked here
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def values_are_known(tensor: Tensor) -> bool:
    """Whether Python may look at the values: not in a transform, a capture or without memory."""
    if in_transform() or tensor.device.type == "meta":
        return False
    return not (tensor.is_cuda and torch.cuda.is_current_stream_capturing())


def compute_dtype(dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """The dtype to compute in for parameters of this dtype: autocast's where it is on."""
    if dtype == torch.float64 or not autocast_is_on(device):
        return dtype
    return torch.get_autocast_dtype(device.type)


def autocast_is_on(device: torch.device) -> bool:
    """Whether autocast is on for a device."""
    return device.type != "meta" and torch.is_autocast_enabled(device.type)


def without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """Within this context every operation computes in the dtype of what it is given."""
    if not autocast_is_on(device):
        return _NOTHING
    return torch.autocast(device.type, enabled=False)
