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
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

from ncps.canonical import ParameterMap
from ncps.errors import ShapeError
from ncps.specs import Spec
from ncps_torch import ops


def forget_shapes(module: nn.Module, dtype: torch.dtype, device: torch.device | None) -> None:
    """Put an uninitialised tensor in the place of every parameter and every saved buffer."""
    place: dict[str, Any] = {"device": device, "dtype": dtype}
    for part in module.modules():
        for name, _ in list(part.named_parameters(recurse=False)):
            part.register_parameter(name, UninitializedParameter(**place))  # type: ignore[arg-type]
        for name in _saved_buffers(part):
            part.register_buffer(name, UninitializedBuffer(**place))


def saved(module: nn.Module) -> dict[str, Any]:
    """All parameters and saved buffers by name."""
    buffers = {
        f"{path}.{name}" if path else name: part._buffers[name]
        for path, part in module.named_modules()
        for name in _saved_buffers(part)
    }
    return {**dict(module.named_parameters()), **buffers}


def _saved_buffers(part: nn.Module) -> list[str]:
    own = part._non_persistent_buffers_set
    return [n for n, b in part._buffers.items() if b is not None and n not in own]


def fill(module: nn.Module, arrays: Mapping[str, Any]) -> None:
    """Give every uninitialised tensor the shape and the values of its array."""
    for name, tensor in saved(module).items():
        if is_lazy(tensor):
            tensor.materialize(arrays[name].shape)
            with torch.no_grad():
                tensor.copy_(ops.from_numpy(arrays[name]))


def input_size_of(
    spec: Spec, rules: Mapping[int, ParameterMap], state: Mapping[str, Any], prefix: str
) -> int | None:
    """The input size that saved tensors have, from what one more unit of features adds to a shape.

    `rules` are the layer's maps for one and two units. None when no tensor tells.
    """
    one, two = (
        {k: v.shape for k, v in m.to_native(_values(spec, n)).items()} for n, m in rules.items()
    )
    for name, shape in one.items():
        saved = state.get(prefix + name)
        if shape == two[name] or saved is None or is_lazy(saved) or saved.dim() != len(shape):
            continue
        # where both axes of a square tensor grow, either tells
        axis = next(i for i, (a, b) in enumerate(zip(shape, two[name], strict=True)) if a != b)
        more = saved.shape[axis] - shape[axis]
        size: int = spec.size_unit * (1 + more // (two[name][axis] - shape[axis]))
        if size < 1:
            raise ShapeError(
                f"{spec.layer} expected {name} with {shape[axis]} or more on axis {axis}, got "
                f"{tuple(saved.shape)}. Load a checkpoint of a layer with the same options."
            )
        return size
    return None


def _values(spec: Spec, input_size: int) -> dict[str, Any]:
    return dict(spec.with_input_size(input_size).initial_parameters(0))
