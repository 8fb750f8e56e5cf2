"""Arguments of calls as ncps 1.0.1 takes them."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def one_or_each(ts: Any) -> Any:
    """ts as a scalar where it has one number, whatever its shape."""
    return ts.reshape(()) if isinstance(ts, Tensor) and ts.numel() == 1 else ts
