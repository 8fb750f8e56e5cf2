"""torch's own convolutions, pools, Flatten and Dropout: made from a spec, and read back as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from ncps.errors import ConversionError
from ncps.specs import Dropout, Flatten
from ncps_torch.layers import _bare_sliding as bare

LAYERS: Mapping[type[nn.Module], str] = {
    **{cls: layer for layer, cls in bare.BARE.items()},
    nn.Dropout: "Dropout",
    nn.Flatten: "Flatten",
}
# their features are on the axis before those that they slide along
CHANNELS_FIRST = tuple(bare.BARE.values())


def _global(spec: Any) -> nn.Module:
    return bare.GLOBAL[spec.layer](1)


def _flatten(spec: Flatten) -> nn.Module:
    return nn.Flatten()


def _dropout(spec: Dropout) -> nn.Module:
    return nn.Dropout(spec.rate)


MAKE: Mapping[str, Callable[[Any], nn.Module]] = {
    **dict.fromkeys(bare.CONVS, bare.conv),
    **dict.fromkeys(bare.TRANSPOSES, bare.conv_transpose),
    **dict.fromkeys((*bare.MAXIMA, *bare.AVERAGES), bare.pool),
    **dict.fromkeys(bare.GLOBAL, _global),
    "Dropout": _dropout,
    "Flatten": _flatten,
}


def lacking(spec: Any) -> str | None:
    """What torch's own layer cannot be, of what the spec asks for; None when there is nothing."""
    if spec.layer not in MAKE:
        return None
    if getattr(spec, "activation", None) not in (None, "linear"):
        return "it has no activation; make it without one, and put the activation's module after it"
    if spec.layer in bare.CONVS and not bare.pads_itself(spec):
        return f"it has no padding {spec.padding!r} with strides {spec.strides}"
    if spec.layer in bare.TRANSPOSES and spec.padding == "same":
        return "it has no padding 'same'; give the padding as integers"
    if spec.layer in (*bare.MAXIMA, *bare.AVERAGES) and not bare.pads_itself(spec):
        return f"it has no padding 'same' and pads half of the pool at most, not {spec.padding!r}"
    if spec.layer in bare.GLOBAL and not spec.keepdims:
        return "it keeps the pooled axes, as with keepdims=True"
    if isinstance(spec, Flatten) and spec.channels_first:
        return "it takes the entries in the order in which they come"
    return None


def _read_conv(module: Any) -> dict[str, Any]:
    out, features, *_ = module.weight.shape
    sizes = {"input_size": features * module.groups, "filters": out, "groups": module.groups}
    return {**sizes, **_kernel(module)}


def _read_conv_transpose(module: Any) -> dict[str, Any]:
    if module.groups != 1:
        raise _refused(module, "without groups, which no spec has", f"groups={module.groups}")
    size, out, *_ = module.weight.shape
    ends = {"output_padding": module.output_padding}
    return {"input_size": size, "filters": out, **ends, **_kernel(module)}


def _kernel(module: Any) -> dict[str, Any]:
    if module.padding_mode != "zeros":
        raise _refused(module, "that pads with zeros", f"padding_mode={module.padding_mode!r}")
    return {
        "kernel_size": tuple(module.weight.shape[2:]),
        "strides": module.stride,
        "padding": module.padding,
        "dilation": module.dilation,
        "use_bias": module.bias is not None,
    }


def _read_max_pool(module: Any) -> dict[str, Any]:
    if module.dilation not in (1, (1,), (1, 1)):
        raise _refused(module, "without dilation, which no pool has", f"{module.dilation}")
    _check_one_array(module)
    return _pool(module)


def _read_average_pool(module: Any) -> dict[str, Any]:
    if getattr(module, "divisor_override", None) is not None:
        raise _refused(module, "that divides by a count", f"divisor {module.divisor_override}")
    padded = module.padding not in (0, (0,), (0, 0))
    return {**_pool(module), "count_include_pad": padded and module.count_include_pad}


def _pool(module: Any) -> dict[str, Any]:
    if module.ceil_mode:
        raise _refused(module, "of whole windows", "ceil_mode=True. Pad the input instead")
    sizes = {"pool_size": module.kernel_size, "strides": module.stride}
    return {**sizes, "padding": module.padding}


def _read_global(module: Any) -> dict[str, Any]:
    if module.output_size not in (1, (1,), (1, 1), [1], [1, 1]):
        raise _refused(module, "with output_size 1, over the whole axis", f"{module.output_size}")
    _check_one_array(module)
    return {"keepdims": True}


def _check_one_array(module: Any) -> None:
    if getattr(module, "return_indices", False):
        raise _refused(module, "that returns y alone", "return_indices=True")


def _read_flatten(module: Any) -> dict[str, Any]:
    if (module.start_dim, module.end_dim) != (1, -1):
        got = f"start_dim={module.start_dim}, end_dim={module.end_dim}"
        raise _refused(module, "of all axes but the first", got)
    return {}


def _read_dropout(module: Any) -> dict[str, Any]:
    return {"rate": module.p}


READ: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    **dict.fromkeys(bare.CONVS, _read_conv),
    **dict.fromkeys(bare.TRANSPOSES, _read_conv_transpose),
    **dict.fromkeys(bare.MAXIMA, _read_max_pool),
    **dict.fromkeys(bare.AVERAGES, _read_average_pool),
    **dict.fromkeys(bare.GLOBAL, _read_global),
    "Dropout": _read_dropout,
    "Flatten": _read_flatten,
}


def _refused(module: Any, expected: str, got: str) -> ConversionError:
    return ConversionError(f"expected a torch.nn.{type(module).__name__} {expected}, got {got}.")
