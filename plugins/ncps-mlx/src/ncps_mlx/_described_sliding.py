"""MLX's own convolutions, pools and Dropout: made from a spec, and read back as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mlx.nn as nn

from ncps.specs import Dropout
from ncps_mlx.layers import _bare_sliding as bare

LAYERS: Mapping[type[nn.Module], str] = {
    **{cls: layer for layer, cls in bare.BARE.items()},
    nn.Dropout: "Dropout",
}


def _dropout(spec: Dropout) -> nn.Module:
    return nn.Dropout(spec.rate)


MAKE: Mapping[str, Callable[[Any], nn.Module]] = {
    **dict.fromkeys(bare.CONVS, bare.conv),
    **dict.fromkeys(bare.TRANSPOSES, bare.conv_transpose),
    **dict.fromkeys((*bare.MAXIMA, *bare.AVERAGES), bare.pool),
    "Dropout": _dropout,
}


def lacking(spec: Any) -> str | None:
    """What MLX's own layer cannot be, of what the spec asks for; None when there is nothing."""
    if spec.layer not in MAKE:
        return None
    if getattr(spec, "activation", None) not in (None, "linear"):
        return "it has no activation; make it without one, and put the activation's module after it"
    padding = getattr(spec, "padding", "valid")
    if isinstance(padding, str) and padding != "valid":
        return f"it has no padding {padding!r}; give the padding as integers"
    if spec.layer in bare.AVERAGES and not bare.pads_itself(spec):
        return "it counts what lies beyond the border, as with count_include_pad=True"
    if spec.layer in bare.TRANSPOSES and not _right(spec):
        return (
            "MLX has wrong gradients with output_padding, and wrong values for padding beyond the "
            "kernel's reach"
        )
    return None


def _right(spec: Any) -> bool:
    ends = ((w, *w.crop) for w in spec.windows)
    return all(before == after and before < w.reach for w, before, after in ends)


def _read_conv(module: Any) -> dict[str, Any]:
    out, *kernel, features = module.weight.shape
    sizes = {"input_size": features * module.groups, "filters": out, "groups": module.groups}
    return {**sizes, "kernel_size": kernel, **_options(module)}


def _read_conv_transpose(module: Any) -> dict[str, Any]:
    out, *kernel, size = module.weight.shape
    sizes = {"input_size": size, "filters": out, "output_padding": module.output_padding}
    return {**sizes, "kernel_size": kernel, **_options(module)}


def _options(module: Any) -> dict[str, Any]:
    return {
        "strides": module.stride,
        "padding": module.padding,
        "dilation": module.dilation,
        "use_bias": "bias" in module,
    }


def _read_pool(module: Any) -> dict[str, Any]:
    padding = [before for before, _ in module._padding]
    return {"pool_size": module._kernel_size, "strides": module._stride, "padding": padding}


def _read_average_pool(module: Any) -> dict[str, Any]:
    options = _read_pool(module)
    return {**options, "count_include_pad": any(options["padding"])}


def _read_dropout(module: Any) -> dict[str, Any]:
    # MLX keeps 1 − rate: rounded, so that 0.1 comes back as 0.1
    return {"rate": round(1 - module._p_1, 12)}


READ: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    **dict.fromkeys(bare.CONVS, _read_conv),
    **dict.fromkeys(bare.TRANSPOSES, _read_conv_transpose),
    **dict.fromkeys(bare.MAXIMA, _read_pool),
    **dict.fromkeys(bare.AVERAGES, _read_average_pool),
    "Dropout": _read_dropout,
}
