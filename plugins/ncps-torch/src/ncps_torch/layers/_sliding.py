"""Between channels last, as everywhere in ncps, and channels first, as torch's own layers are."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional

from ncps_torch.layers._base import NativeLayer


class Sliding(NativeLayer):
    """A layer that slides a window along the axes of x (B, T, D) or (B, H, W, D), B optional."""

    spec: Any

    def forward(self, x: Any) -> Tensor:
        """Run x with its features last."""
        x = self._input(x)
        self.spec.output_shape(tuple(x.shape))
        channels = -1 - self.spec.rank
        return self._slide(x.movedim(-1, channels)).movedim(channels, -1)

    def _slide(self, x: Tensor) -> Tensor:
        """Run x (…, D, T) or (…, D, H, W)."""
        raise NotImplementedError(f"{type(self).__name__} must define _slide")


def padded(spec: Any, x: Tensor, value: float = 0.0) -> Tensor:
    """x (…, D, T) or (…, D, H, W) with what its windows need beyond it."""
    pairs = zip(spec.windows, x.shape[-spec.rank :], strict=True)
    # torch takes the last axis first
    pads = [n for window, length in reversed(list(pairs)) for n in window.pads(length)]
    return functional.pad(x, pads, value=value)
