"""What checkpoints of ncps 1.0.1 hold and a layer does not: masks, and negative weights."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from ncps.errors import CheckpointWarning


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


def warn_of_negative(state: Mapping[str, Any], prefix: str, names: Iterable[str]) -> None:
    """CheckpointWarning when saved arrays that a layer reads as max(·, 0) are negative.

    ncps 1.0.1 computed with them as they were. What is no synapse says nothing.
    """
    found = [prefix + name for name in names if _is_negative(state, prefix, name)]
    if found:
        warnings.warn(
            f"the checkpoint has negative values in {', '.join(found)}. ncps 1.0.1 computed with "
            "them, as it applied no constraint while implicit_param_constraints was False; this "
            "layer reads them as 0, so that its outputs differ. Compare them on your data, or "
            "call apply_weight_constraints() in ncps 1.0.1 and train on before you save.",
            CheckpointWarning,
            stacklevel=2,
        )


def _is_negative(state: Mapping[str, Any], prefix: str, name: str) -> bool:
    values = state.get(prefix + name)
    # a tensor without values cannot tell
    if values is None or getattr(values, "is_meta", False):
        return False
    mask = state.get(f"{prefix}{name.removesuffix('w')}sparsity_mask")
    if name.endswith("w") and mask is not None and mask.shape == values.shape:
        values = values * mask
    return bool((values < 0).any())
