"""Values made from parameters, kept for as long as they hold the same numbers.

torch tells nobody about a change: an optimiser raises a version, ``parameter.data`` is written
behind it, ``.to()`` puts other memory in its place, ``functional_call`` another tensor, and memory
that is shared changes on its own. So the numbers themselves are compared with a copy. They are few
beside what is made from them: some 10⁴ for filters of 10⁷, compared in 20 microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from ncps_hyena.torch.ops._host import kit

T = TypeVar("T")


class Kept:
    """The last value of each kind, its key, and the numbers that it was made from."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Any, Tensor, Any]] = {}

    def forget(self) -> None:
        """Keep nothing."""
        self._last.clear()

    def get(self, kind: str, key: Any, parameters: Sequence[Tensor], make: Callable[[], T]) -> T:
        """The value that `make` gives for this key and these parameters.

        It is part of an autograd graph, and made anew, where one is to be built.
        """
        if not _may_keep(parameters):
            return make()
        # normal tensors, though they be made in inference mode: later calls may save them
        with torch.inference_mode(False), torch.no_grad():
            signature = (key, [(p.shape, p.dtype, p.device) for p in parameters])
            numbers = torch.cat([p.detach().reshape(-1) for p in parameters])
            last = self._last.get(kind)
            if last is not None and last[0] == signature and torch.equal(last[1], numbers):
                found: T = last[2]
                return found
            # forget first: the old value and the new one need not be in memory together
            del last
            self._last.pop(kind, None)
            value = make()
            self._last[kind] = (signature, numbers, value)
            return value

    def __deepcopy__(self, memo: Any) -> Kept:
        """Another one, empty: what is kept can be made again."""
        return Kept()

    def __reduce__(self) -> tuple[Any, ...]:
        """Values are not pickled."""
        return Kept, ()


def _may_keep(parameters: Sequence[Tensor]) -> bool:
    """Whether the numbers may be looked at, and no gradient of them is asked for."""
    if kit.in_transform() or kit.wants_gradient(parameters):
        return False
    device = parameters[0].device.type
    # a comparison waits for the device, which a capture cannot
    return device != "meta" and not (device == "cuda" and torch.cuda.is_current_stream_capturing())
