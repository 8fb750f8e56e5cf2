"""HyenaDNA. Tokens x (B, T), mask (B, T), True = real."""

from __future__ import annotations

import numpy as np

from ncps.reference.functions import Array, Parameters, affine
from ncps_hyena.reference._block import block, inside, layer_norm
from ncps_hyena.specs import HyenaDNA


def dna(spec: HyenaDNA, p: Parameters, x: Array, mask: Array | None) -> Array:
    """Features, logits (both 0 at masked steps) or classes."""
    assert mask is not None  # this layer is masked
    f: Array = layer_norm(spec, p, "norm", _blocks(spec, p, x, mask)) * mask[..., None]
    if spec.head is None:
        return f
    if spec.head == "classification":
        return affine(p, "head", _pooled(spec, f, mask))
    return f @ (p["embeddings"].T if spec.tie_embeddings else p["head.kernel"])


def _blocks(spec: HyenaDNA, p: Parameters, x: Array, mask: Array) -> Array:
    if x.dtype.kind not in "iu":
        raise spec.not_integers(str(x.dtype))
    if x.size:
        spec.check_range(int(x.min()), int(x.max()))
    h = p["embeddings"][x]
    for i in range(spec.num_layers):
        h = block(spec, inside(p, f"blocks.{i}"), h, mask)
    return h


def _pooled(spec: HyenaDNA, f: Array, mask: Array) -> Array:
    """The features (B, D) of a whole sequence; 0 where no step is real."""
    count = np.sum(mask, axis=1, keepdims=True)
    if spec.pooling in ("sum", "mean"):
        total: Array = np.sum(f, axis=1)
        return total if spec.pooling == "sum" else total / np.maximum(count, 1)
    # the one step whose place among the real ones is the first, or the last
    place = np.cumsum(mask, axis=1)
    wanted = mask & (place == (1 if spec.pooling == "first" else count))
    return np.sum(f * wanted[..., None], axis=1)
