"""How many features the convolutions work on at a time."""

from __future__ import annotations

import torch

# numbers in one array of a block: 2 MB in float32, so that a few of them fit the caches
BLOCK = 1 << 19
# an accelerator has no such cache, but its memory ends too
BLOCK_ELSEWHERE = 1 << 27
# transforms of one call, over which the cost of its plan is spread
ROWS = 8


def blocks(batch: int, features: int, n: int, device: torch.device) -> list[slice]:
    """Slices of the features, for transforms of length n in each row of the batch."""
    budget = BLOCK if device.type == "cpu" else BLOCK_ELSEWHERE
    rows = max(1, batch)
    most = max(1, budget // (rows * n), -(-ROWS // rows))
    count = -(-features // most)
    size = -(-features // count)
    return [slice(low, min(low + size, features)) for low in range(0, features, size)]
