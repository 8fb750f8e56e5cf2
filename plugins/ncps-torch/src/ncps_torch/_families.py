"""Torch's own layers without recurrence, family by family: made, read, and what they lack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from ncps.specs import Spec
from ncps_torch import _described_norms as norms
from ncps_torch import _described_sliding as sliding
from ncps_torch import own_attention as attention

LAYERS: Mapping[type[nn.Module], str] = {
    **norms.LAYERS,
    **sliding.LAYERS,
    nn.MultiheadAttention: "MultiHeadAttention",
}
MAKE: Mapping[str, Callable[[Any], nn.Module]] = {
    **norms.MAKE,
    **sliding.MAKE,
    "MultiHeadAttention": attention.bare_attention,
}
READ: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    **norms.READ,
    **sliding.READ,
    "MultiHeadAttention": attention.options_of,
}
# their features are on the second axis
CHANNELS_SECOND = (*norms.CHANNELS_SECOND, *sliding.CHANNELS_FIRST)
_LACKING: Mapping[str, Callable[[Any], str | None]] = {
    **dict.fromkeys(norms.MAKE, norms.lacking),
    **dict.fromkeys(sliding.MAKE, sliding.lacking),
    "MultiHeadAttention": attention.lacking,
}


def lacking(spec: Spec) -> str | None:
    """What torch's own layer cannot be, of what the spec asks for; None when there is nothing."""
    return _LACKING[spec.layer](spec) if spec.layer in _LACKING else None
