"""MLX's own normalisations and embedding: made from a spec, and read back as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mlx.nn as nn

from ncps.errors import ConversionError
from ncps.specs import BatchNorm, Embedding, GroupNorm, LayerNorm, RMSNorm, Spec

LAYERS: Mapping[type[nn.Module], str] = {
    nn.BatchNorm: "BatchNorm",
    nn.Embedding: "Embedding",
    nn.GroupNorm: "GroupNorm",
    nn.LayerNorm: "LayerNorm",
    nn.RMSNorm: "RMSNorm",
}
_MOST_AXES = 4


def _batch_norm(spec: BatchNorm) -> nn.Module:
    return nn.BatchNorm(spec.known_input_size(), spec.epsilon, spec.momentum, spec.scale)


def _embedding(spec: Embedding) -> nn.Module:
    return nn.Embedding(spec.vocabulary_size, spec.units)


def _group_norm(spec: GroupNorm) -> nn.Module:
    size, options = spec.known_input_size(), {"affine": spec.scale, "pytorch_compatible": True}
    return nn.GroupNorm(spec.groups, size, spec.epsilon, **options)


def _layer_norm(spec: LayerNorm) -> nn.Module:
    return nn.LayerNorm(spec.known_input_size(), spec.epsilon, spec.scale, spec.center)


def _rms_norm(spec: RMSNorm) -> nn.Module:
    return nn.RMSNorm(spec.known_input_size(), spec.epsilon)


MAKE: Mapping[str, Callable[[Any], nn.Module]] = {
    "BatchNorm": _batch_norm,
    "Embedding": _embedding,
    "GroupNorm": _group_norm,
    "LayerNorm": _layer_norm,
    "RMSNorm": _rms_norm,
}


def lacking(spec: Spec) -> str | None:
    """What MLX's own layer cannot be, of what the spec asks for; None when there is nothing."""
    if isinstance(spec, (BatchNorm, GroupNorm)) and spec.scale != spec.center:
        return "it has scale and center both, or neither"
    if isinstance(spec, LayerNorm) and spec.center and not spec.scale:
        return "it has no center without scale"
    if isinstance(spec, RMSNorm) and not spec.scale:
        return "it always has a scale"
    if isinstance(spec, BatchNorm) and (spec.rank or 0) > _MOST_AXES:
        return f"it takes 2 to {_MOST_AXES} axes, not {spec.rank}"
    if isinstance(spec, Embedding) and spec.padding_index is not None:
        return "it trains every row, that of a padding_index too"
    return None


def _affine(module: Any) -> dict[str, Any]:
    return {"scale": "weight" in module, "center": "bias" in module}


def _read_batch_norm(module: Any) -> dict[str, Any]:
    if not module.track_running_stats:
        raise ConversionError(
            "expected an mlx.nn.BatchNorm that keeps running statistics, got one with "
            "track_running_stats off."
        )
    options = {"input_size": module.num_features, "epsilon": module.eps}
    return {**options, "momentum": module.momentum, **_affine(module)}


def _read_embedding(module: Any) -> dict[str, Any]:
    rows, units = module.weight.shape
    return {"vocabulary_size": rows, "units": units}


def _read_group_norm(module: Any) -> dict[str, Any]:
    # with one group, or one for each feature, both ways of grouping are one
    if not module.pytorch_compatible and module.num_groups not in (1, module.dims):
        raise ConversionError(
            "expected an mlx.nn.GroupNorm with pytorch_compatible=True, got one whose groups are "
            "every n-th feature. No spec has such groups: make a new one."
        )
    sizes = {"input_size": module.dims, "groups": module.num_groups}
    return {**sizes, "epsilon": module.eps, **_affine(module)}


def _read_layer_norm(module: Any) -> dict[str, Any]:
    return {"input_size": module.dims, "epsilon": module.eps, **_affine(module)}


def _read_rms_norm(module: Any) -> dict[str, Any]:
    return {"input_size": module.weight.shape[0], "epsilon": module.eps}


READ: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "BatchNorm": _read_batch_norm,
    "Embedding": _read_embedding,
    "GroupNorm": _read_group_norm,
    "LayerNorm": _read_layer_norm,
    "RMSNorm": _read_rms_norm,
}
