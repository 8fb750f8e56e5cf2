"""The call of feed-forward layers."""

from __future__ import annotations

from typing import Any

import keras

from ncps_keras import ops
from ncps_keras.layers._base import NativeLayer


class FeedForward(NativeLayer):
    """``y = layer(x)``; a layer defines `_run`."""

    def _run(self, x: Any) -> Any:
        """y for x (…, D)."""
        raise NotImplementedError(f"{type(self).__name__} must define _run")

    def __call__(self, x: Any, **options: Any) -> Any:
        """Run x (…, D); `options` are Keras' own, such as `training`."""
        with ops.on_device(self._device):
            return super().__call__(ops.as_tensor(x), **options)

    def call(self, x: Any) -> Any:
        """Run x (…, D)."""
        x = self._input(x)
        self.spec.output_shape(tuple(x.shape))
        return self._run(x)

    def compute_output_spec(self, x: Any, **_: Any) -> Any:
        """The symbolic y for a symbolic x."""
        shape = self.spec.output_shape(tuple(x.shape))
        return keras.KerasTensor(shape, dtype=self.compute_dtype)
