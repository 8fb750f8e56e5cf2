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
        if len(x.shape) == self.spec.rank + 1:
            return self._slide(kops.expand_dims(x, 0))[0]
        if x.shape[0] == 0:
            # their maximum raises, and TensorFlow gives their convolution a wrong shape:
            # none of two rows more, as torch's gradient for one can raise
            return self._slide(kops.pad(x, ((0, 2), *[(0, 0)] * (self.spec.rank + 1))))[:0]
        return self._slide(x)

    def _slide(self, x: Any) -> Any:
        """Run x (B, T, D) or (B, H, W, D)."""
        raise NotImplementedError(f"{type(self).__name__} must define _slide")
