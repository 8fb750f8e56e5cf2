"""How the native tensors of a layer relate to the canonical ones: the same names but for layouts.

Every kernel (in, out) is a `weight` (out, in), and the taps (K, D) of a short convolution are
(D, K); gamma and beta of a norm are its `weight` and `bias`, the table of tokens is the `weight` of
`embedding`.
"""

from __future__ import annotations

from ncps.canonical import ParameterMap, Rename, Rule, Transpose
from ncps.specs import Parameter, Spec

_KERNELS = {
    "kernel": "weight",
    "short_kernel": "short_weight",
    "reverse_kernel": "reverse_weight",
}
_OTHERS = {"gamma": "weight", "beta": "bias", "embeddings": "embedding.weight"}


def native_map(spec: Spec) -> ParameterMap:
    """The map of a layer, for every framework whose linear maps hold (out, in)."""
    return ParameterMap(tuple(_rule(p) for p in spec.parameters()))


def _rule(parameter: Parameter) -> Rule:
    path, _, leaf = parameter.name.rpartition(".")
    lead = f"{path}." if path else ""
    if leaf in _KERNELS:
        return Transpose(lead + _KERNELS[leaf], parameter.name)
    return Rename(lead + _OTHERS.get(leaf, leaf), parameter.name)
