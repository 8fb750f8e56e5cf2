"""How the native tensors of a layer relate to the canonical ones: the same names but for layouts.

A kernel (in, out) is the `weight` (out, in) of a linear map, blocks of a block diagonal one stay as
they are; a convolution's kernel (K, 1, N) has its axes where the framework wants them; gamma and
beta of a norm are its `weight` and `bias`, the table of tokens is the `weight` of `embedding`.
"""

from __future__ import annotations

from ncps.canonical import ParameterMap, Permute, Rename, Rule, Transpose
from ncps.specs import Parameter, Spec

_LEAVES = {"gamma": "weight", "beta": "bias", "embeddings": "weight"}


def native_map(spec: Spec, conv_axes: tuple[int, int, int]) -> ParameterMap:
    """The map of a layer; `conv_axes` are those of a convolution's weight, in canonical order."""
    return ParameterMap(tuple(_rule(p, conv_axes) for p in spec.parameters()))


def _rule(parameter: Parameter, conv_axes: tuple[int, int, int]) -> Rule:
    name = parameter.name
    path, _, leaf = name.rpartition(".")
    if leaf == "recurrent_kernel":
        return Rename(f"{path}.recurrent_weight", name)
    if leaf != "kernel":
        return Rename(".".join([*([path] if path else []), _LEAVES.get(leaf, leaf)]), name)
    native = f"{path}.weight"
    if path.endswith("conv"):
        return Permute(native, name, conv_axes)
    return Transpose(native, name) if len(parameter.shape) == 2 else Rename(native, name)
