"""xLSTM for ncps, on PyTorch and on MLX."""

from __future__ import annotations

__version__ = "2.0.0"
