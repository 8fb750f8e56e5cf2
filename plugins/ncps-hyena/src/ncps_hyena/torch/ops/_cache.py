"""What was computed from parameters, kept for as long as they are what they were.

Identities and versions of tensors do not say that: ``p.data.copy_`` changes neither, and a memory
address comes back after the tensor that had it is gone. So the values are compared, a few thousand
numbers beside the filters of as many lags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from ncps_hyena.torch.ops._host import kit

T = TypeVar("T")


class _Entry(NamedTuple):
    key: Any
    values: Tensor
    result: Any


class Cache:
    """One result of each kind, and the parameters' values that it was computed from."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def get(self, kind: str, key: Any, tensors: Sequence[Tensor], make: Callable[[], T]) -> T:
        """What `make` gives for these values, anew where a gradient or a transform asks for it."""
        if not _may_keep(tensors):
            return make()
        values = torch.cat([t.detach().reshape(-1) for t in tensors])
        # what was made in inference mode cannot take part in a gradient of x later
        key = (key, torch.is_inference_mode_enabled())
        entry = self._entries.get(kind)
        if entry is None or entry.key != key or not _same(entry.values, values):
            # gone before the new one is there: both at once may not fit
            self._entries.pop(kind, None)
            del entry
            with torch.no_grad():
                entry = _Entry(key, values, make())
            self._entries[kind] = entry
        result: T = entry.result
        return result

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def __deepcopy__(self, memo: Any) -> Cache:
        return Cache()

    def __reduce__(self) -> Any:
        return Cache, ()


def _same(old: Tensor, new: Tensor) -> bool:
    alike = old.dtype == new.dtype and old.device == new.device and old.shape == new.shape
    return alike and torch.equal(old, new)


def _may_keep(tensors: Sequence[Tensor]) -> bool:
    """Whether the values may be looked at, and nothing is to be derived from them."""
    if kit.in_transform() or kit.wants_gradient(tensors):
        return False
    first = tensors[0]
    if first.device.type == "meta":
        return False
    # a comparison waits for the device, which a capture cannot
    return not (first.is_cuda and torch.cuda.is_current_stream_capturing())
