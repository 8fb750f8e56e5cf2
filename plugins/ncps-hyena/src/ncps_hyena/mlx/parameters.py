"""How the native arrays of a layer relate to the canonical ones: the same names but for layouts.

A kernel (in, out) is the `weight` (out, in) of a linear map; a projection's is in its `linear`,
beside the `short` convolution, whose weight is (K, D) here too. Gamma and beta of a norm are its
`weight` and `bias`, the table of tokens is the `weight` of `embedding`.
"""

from __future__ import annotations

from ncps.canonical import ParameterMap, Rename, Rule, Transpose
from ncps.specs import Spec

_LEAVES = {"gamma": "weight", "beta": "bias", "short_kernel": "weight", "short_bias": "bias"}


def native_map(spec: Spec) -> ParameterMap:
    """The map of a layer."""
    return ParameterMap(tuple(_rule(p.name) for p in spec.parameters()))


def _rule(name: str) -> Rule:
    if name == "embeddings":
        return Rename("embedding.weight", name)
    path, _, leaf = name.rpartition(".")
    part = path.rpartition(".")[2]
    if leaf.startswith("short_"):
        path = f"{path}.short"
    elif part == "value" or part.startswith("gate_"):
        path = f"{path}.linear"
    elif part.startswith("long_") and leaf in ("kernel", "reverse_kernel"):
        return Transpose(f"{path}.{leaf}.weight", name)
    if leaf == "kernel":
        return Transpose(f"{path}.weight", name)
    return Rename(f"{path}.{_LEAVES.get(leaf, leaf)}", name)
