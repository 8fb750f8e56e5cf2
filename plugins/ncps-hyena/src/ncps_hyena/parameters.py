"""How the native arrays of a layer relate to the canonical ones: the same names but for layouts.

A kernel (in, out) is the `weight` (out, in) of a linear map: those of a projection and its short
convolution are `linear` and `short` in a module with the projection's name. A short kernel (K, D)
is (K, D) in MLX, and (D, K) where taps come last. The table of tokens is the `weight` of
`embeddings`, gamma and beta the `weight` and `bias` of a norm.
"""

from __future__ import annotations

from ncps.canonical import ParameterMap, Rename, Rule, Transpose
from ncps.specs import Spec

_LEAVES = {"gamma": "weight", "beta": "bias"}
_FILTER_KERNELS = ("kernel", "reverse_kernel")


def native_map(spec: Spec, *, taps_last: bool) -> ParameterMap:
    """The map of a layer; `taps_last` says how a short convolution's weight lies."""
    return ParameterMap(tuple(_rule(p.name, taps_last) for p in spec.parameters()))


def _rule(name: str, taps_last: bool) -> Rule:
    path, _, leaf = name.rpartition(".")
    part = path.rpartition(".")[2]
    if name == "embeddings":
        return Rename("embeddings.weight", name)
    if leaf in ("short_kernel", "short_bias"):
        native = f"{path}.short.{'weight' if leaf == 'short_kernel' else 'bias'}"
        swapped = taps_last and leaf == "short_kernel"
        return Transpose(native, name) if swapped else Rename(native, name)
    if part.startswith("long_") and leaf in _FILTER_KERNELS:
        return Transpose(f"{path}.{leaf}.weight", name)
    if part == "value" or part.startswith("gate_"):
        path = f"{path}.linear"
    if leaf == "kernel":
        return Transpose(f"{path}.weight", name)
    return Rename(f"{path}.{_LEAVES.get(leaf, leaf)}", name)
