"""Masks of synapses in the checkpoints of ncps 1.0.1, which saved them among the parameters."""

from __future__ import annotations

from typing import Any

import torch


def check_mask(
    module: Any,
    state: dict[str, Any],
    prefix: str,
    errors: list[str],
    name: str = "sparsity_mask",
) -> None:
    """Take a mask out of a checkpoint, and complain when it is not the module's own."""
    saved = state.pop(f"{prefix}{name}", None)
    own = getattr(module, name)
    same = saved is None or (own is not None and torch.equal(saved.to(own), own))
    if not same:
        errors.append(
            f"{prefix}{name}: the checkpoint's circuit is not this layer's wiring. Make the "
            "wiring with the arguments and the seed that it was made with."
        )
