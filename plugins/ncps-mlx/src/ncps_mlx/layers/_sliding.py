"""What slides a window along the axes of x (B, T, D) or (B, H, W, D), with or without B."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps_mlx import ops
from ncps_mlx.layers._base import NativeLayer


class Sliding(NativeLayer):
    """A layer that slides a window along the axes between the batch and the features."""

    spec: Any

    def __call__(self, x: Any) -> mx.array:
        """Run x (B, T, D) or (B, H, W, D), or one without B."""
        with ops.on_device(self._device):
            x = self._input(x)
            self.spec.output_shape(x.shape)
            if x.ndim == self.spec.rank + 1:
                return self._slide(x[None])[0]
            if x.shape[0] == 0:
                # MLX's own raise or end the process: none of the rows of a batch of one
                return self._slide(mx.zeros((1, *x.shape[1:]), x.dtype))[:0]
            return self._slide(x)

    def _slide(self, x: mx.array) -> mx.array:
        """Run x with a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define _slide")


def padded(spec: Any, x: mx.array, value: float = 0.0) -> mx.array:
    """x with what its windows need beyond it."""
    pads = [w.pads(n) for w, n in zip(spec.windows, x.shape[1:-1], strict=True)]
    if not any(map(any, pads)):
        return x
    return mx.pad(x, [(0, 0), *pads, (0, 0)], constant_values=mx.array(value, x.dtype))
