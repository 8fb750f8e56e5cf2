"""torch's own normalisations and embedding: made from a spec, and read back as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from ncps.errors import ConversionError
from ncps.specs import BatchNorm, Embedding, GroupNorm, LayerNorm, RMSNorm, Spec

_BATCH_NORMS: Mapping[int | None, type[nn.Module]] = {
    None: nn.BatchNorm1d,
    2: nn.BatchNorm1d,
    3: nn.BatchNorm1d,
    4: nn.BatchNorm2d,
    5: nn.BatchNorm3d,
}
LAYERS: Mapping[type[nn.Module], str] = {
    nn.BatchNorm1d: "BatchNorm",
    nn.BatchNorm2d: "BatchNorm",
    nn.BatchNorm3d: "BatchNorm",
    nn.Embedding: "Embedding",
    nn.GroupNorm: "GroupNorm",
    nn.LayerNorm: "LayerNorm",
    nn.RMSNorm: "RMSNorm",
}
# their features are on the second axis
CHANNELS_SECOND = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm)


def _batch_norm(spec: BatchNorm) -> nn.Module:
    return _BATCH_NORMS[spec.rank](
        spec.known_input_size(), eps=spec.epsilon, momentum=spec.momentum, affine=spec.scale
    )


def _embedding(spec: Embedding) -> nn.Module:
    return nn.Embedding(spec.vocabulary_size, spec.units, padding_idx=spec.padding_index)


def _group_norm(spec: GroupNorm) -> nn.Module:
    return nn.GroupNorm(spec.groups, spec.known_input_size(), eps=spec.epsilon, affine=spec.scale)


def _layer_norm(spec: LayerNorm) -> nn.Module:
    size, options = spec.known_input_size(), {"elementwise_affine": spec.scale, "bias": spec.center}
    return nn.LayerNorm(size, eps=spec.epsilon, **options)


def _rms_norm(spec: RMSNorm) -> nn.Module:
    return nn.RMSNorm(spec.known_input_size(), eps=spec.epsilon, elementwise_affine=spec.scale)


MAKE: Mapping[str, Callable[[Any], nn.Module]] = {
    "BatchNorm": _batch_norm,
    "Embedding": _embedding,
    "GroupNorm": _group_norm,
    "LayerNorm": _layer_norm,
    "RMSNorm": _rms_norm,
}


def lacking(spec: Spec) -> str | None:
    """What torch's own layer cannot be, of what the spec asks for; None when there is nothing."""
    if isinstance(spec, (BatchNorm, GroupNorm)) and spec.scale != spec.center:
        return "it has scale and center both, or neither"
    if isinstance(spec, LayerNorm) and spec.center and not spec.scale:
        return "it has no center without scale"
    if isinstance(spec, BatchNorm) and spec.rank not in _BATCH_NORMS:
        return f"it takes 2 to 5 axes, not {spec.rank}"
    return None


def _affine(module: Any) -> dict[str, Any]:
    return {"scale": module.weight is not None, "center": module.bias is not None}


def _read_batch_norm(module: Any) -> dict[str, Any]:
    if not module.track_running_stats or module.running_mean is None:
        raise _refused(module, "that keeps running statistics", "one with track_running_stats off")
    if module.momentum is None:
        raise _refused(module, "with a momentum", "one that averages all batches (momentum None)")
    rank = {nn.BatchNorm2d: 4, nn.BatchNorm3d: 5}.get(type(module))
    options = {"input_size": module.num_features, "epsilon": module.eps, "rank": rank}
    return {**options, "momentum": module.momentum, **_affine(module)}


def _read_embedding(module: Any) -> dict[str, Any]:
    if module.max_norm is not None or module.scale_grad_by_freq:
        raise _refused(module, "as a plain table", "one with max_norm or scale_grad_by_freq")
    rows, units = module.weight.shape
    return {"vocabulary_size": rows, "units": units, "padding_index": module.padding_idx}


def _read_group_norm(module: Any) -> dict[str, Any]:
    sizes = {"input_size": module.num_channels, "groups": module.num_groups}
    return {**sizes, "epsilon": module.eps, **_affine(module)}


def _read_layer_norm(module: Any) -> dict[str, Any]:
    return {"input_size": _last_axis(module), "epsilon": module.eps, **_affine(module)}


def _read_rms_norm(module: Any) -> dict[str, Any]:
    dtype = torch.get_default_dtype() if module.weight is None else module.weight.dtype
    epsilon = torch.finfo(dtype).eps if module.eps is None else module.eps
    size = _last_axis(module)
    return {"input_size": size, "epsilon": epsilon, "scale": module.weight is not None}


READ: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "BatchNorm": _read_batch_norm,
    "Embedding": _read_embedding,
    "GroupNorm": _read_group_norm,
    "LayerNorm": _read_layer_norm,
    "RMSNorm": _read_rms_norm,
}


def _last_axis(module: Any) -> int:
    if len(module.normalized_shape) != 1:
        got = f"normalized_shape {module.normalized_shape}. No spec has several axes"
        raise _refused(module, "over the last axis", got)
    size: int = module.normalized_shape[0]
    return size


def _refused(module: Any, expected: str, got: str) -> ConversionError:
    return ConversionError(f"expected a torch.nn.{type(module).__name__} {expected}, got {got}.")
