"""What stands behind the real steps of each row, once these have been moved to the front."""

from __future__ import annotations

from dataclasses import dataclass

import mlx.core as mx


@dataclass(frozen=True)
class Behind:
    """The number of real steps of each row, (B,), of T steps."""

    lengths: mx.array
    steps: int

    @property
    def mask(self) -> mx.array:
        """True (B, T) behind a row's real steps."""
        return mx.arange(self.steps) >= self.lengths[:, None]

    def last(self, before: mx.array, states: mx.array) -> mx.array:
        """The state (B, …) after each row's real steps: `before` (B, …) where there are none."""
        known = mx.concatenate([before[:, None], states], axis=1)
        index = self.lengths.reshape(-1, *[1] * (known.ndim - 1))
        return mx.take_along_axis(known, index, axis=1)[:, 0]

    def inputs(self, window: mx.array, kept: int) -> mx.array:
        """The last `kept` entries (B, kept, N) of a window (B, kept + T, N), up to the real end."""
        index = self.lengths[:, None] + mx.arange(kept)
        return mx.take_along_axis(window, index[..., None], axis=1)
