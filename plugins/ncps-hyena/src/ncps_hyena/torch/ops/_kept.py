"""What an operator keeps between calls, and when it must not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from ncps_hyena.torch.ops._host import kit
from ncps_hyena.torch.ops._remembered import Remembered

T = TypeVar("T")


class Kept:
    """One value of each kind, for one key of it: another key takes its place."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[Any, Remembered[Any]]] = {}

    def get(self, kind: str, key: Any, parameters: Sequence[Tensor], make: Callable[[], T]) -> T:
        """What `make` gives for these parameters; made anew where it is to be derived."""
        if not _may_keep(parameters):
            return make()
        # a value may make more of itself later, and what inference mode makes serves no gradient
        key = (key, torch.is_inference_mode_enabled())
        found = self._kinds.get(kind)
        if found is None or found[0] != key:
            found = self._kinds[kind] = (key, Remembered())
        value: T = found[1](parameters, make)
        return value


def _may_keep(parameters: Sequence[Tensor]) -> bool:
    """Whether the numbers may be looked at, and no gradient of them is asked for."""
    if kit.in_transform() or kit.wants_gradient(parameters):
        return False
    device = parameters[0].device.type
    # a comparison waits for the device, which a capture cannot
    return device != "meta" and not (device == "cuda" and torch.cuda.is_current_stream_capturing())
