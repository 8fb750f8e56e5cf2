"""The call of layers that slide a window along the axes of x, with a batch axis or without."""

from __future__ import annotations

from typing import Any

from keras import ops as kops

from ncps_keras.layers._feedforward import FeedForward


class Sliding(FeedForward):
    """A layer on x (B, T, D) or (B, H, W, D), B optional; a layer defines `_slide`."""

    keeps_steps = False
    spec: Any

    def _some_axes(self) -> tuple[None, ...]:
        return (None,) * (self.spec.rank + 1)

    def _run(self, x: Any) -> Any:
        if len(x.shape) == self.spec.rank + 2:
            return self._slide(x)
        return self._slide(kops.expand_dims(x, 0))[0]

    def _slide(self, x: Any) -> Any:
        """Run x (B, T, D) or (B, H, W, D)."""
        raise NotImplementedError(f"{type(self).__name__} must define _slide")
