"""Parameters whose shapes are not known yet: torch's `UninitializedParameter`, and loading them.

A layer first declares its modules without memory, then gives every parameter its shape and first
value, at once or when the input size is known. The parameter objects stay the same throughout, so
that a lazily built layer can be moved, cast, saved, or handed to an optimiser before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter, is_lazy

from ncps.canonical import ParameterMap
from ncps.errors import ShapeError
from ncps.specs import Spec
from ncps_torch import ops


def forget_shapes(module: nn.Module, dtype: torch.dtype, device: torch.device | None) -> None:
    """Put an uninitialised parameter in the place of every parameter."""
    for part in module.modules():
        for name, _ in list(part.named_parameters(recurse=False)):
            place: dict[str, Any] = {"device": device, "dtype": dtype}
            part.register_parameter(name, UninitializedParameter(**place))  # type: ignore[arg-type]


def fill(module: nn.Module, arrays: Mapping[str, Any]) -> None:
    """Give every uninitialised parameter the shape and the values of its array."""
    for name, parameter in module.named_parameters():
        if isinstance(parameter, UninitializedParameter):
            parameter.materialize(arrays[name].shape)
            with torch.no_grad():
                parameter.copy_(ops.from_numpy(arrays[name]))


def input_size_of(
    spec: Spec, rules: Mapping[int, ParameterMap], state: Mapping[str, Any], prefix: str
) -> int | None:
    """The input size that saved tensors have, from what more features add to a shape.

    `rules` are the layer's maps for the smallest input size and for twice that. None when no
    tensor tells.
    """
    smallest = min(rules)
    one, two = (
        {k: v.shape for k, v in rules[n].to_native(_values(spec, n)).items()} for n in sorted(rules)
    )
    for name, shape in one.items():
        saved = state.get(prefix + name)
        if shape == two[name] or saved is None or is_lazy(saved) or saved.dim() != len(shape):
            continue
        (axis,) = (i for i, (a, b) in enumerate(zip(shape, two[name], strict=True)) if a != b)
        added = two[name][axis] - shape[axis]
        size: int = smallest + (saved.shape[axis] - shape[axis]) // added * smallest
        if size < 1:
            raise ShapeError(
                f"{spec.layer} expected {name} with {shape[axis]} or more on axis {axis}, got "
                f"{tuple(saved.shape)}. Load a checkpoint of a layer with the same options."
            )
        return size
    return None


def _values(spec: Spec, input_size: int) -> dict[str, Any]:
    return dict(spec.with_input_size(input_size).initial_parameters(0))
