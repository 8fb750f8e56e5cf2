"""Keras' own layers without recurrence, Dense apart: made from a spec, and read back as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from ncps.canonical import ParameterMap, Permute, Rename
from ncps.errors import ConversionError
from ncps.specs import BatchNorm, Embedding, Flatten, GroupNorm, RMSNorm, SlidingSpec, Spec
from ncps_keras._functions import activation_of
from ncps_keras.backends import NAME

CONVS = ("Conv1D", "Conv2D")
TRANSPOSES = ("Conv1DTranspose", "Conv2DTranspose")
MAXIMA = {"MaxPool1D": "MaxPooling1D", "MaxPool2D": "MaxPooling2D"}
AVERAGES = {"AveragePool1D": "AveragePooling1D", "AveragePool2D": "AveragePooling2D"}
GLOBAL = {f"Global{name}": f"Global{theirs}" for name, theirs in {**MAXIMA, **AVERAGES}.items()}
NORMS = {
    "BatchNorm": "BatchNormalization",
    "GroupNorm": "GroupNormalization",
    "LayerNorm": "LayerNormalization",
    "RMSNorm": "RMSNormalization",
}
OTHERS = ("Dropout", "Embedding", "Flatten")
BARE: Mapping[str, type[keras.layers.Layer]] = {
    **{name: getattr(keras.layers, name) for name in (*CONVS, *TRANSPOSES, *OTHERS)},
    **{n: getattr(keras.layers, own) for n, own in {**MAXIMA, **AVERAGES, **GLOBAL}.items()},
    **{name: getattr(keras.layers, own) for name, own in NORMS.items()},
}
UNWEIGHTED = (*MAXIMA, *AVERAGES, *GLOBAL, "Dropout", "Flatten")
# on torch, Keras counts entries beyond x at one end
BORDER = "on torch its average is wrong at the border with padding 'same'"


def make(spec: Any, dtype: Any) -> Any:
    """The layer of Keras' for this spec, not built, of which `lacking` has said nothing."""
    return BARE[spec.layer](dtype=dtype, **_options(spec))


def _options(spec: Any) -> dict[str, Any]:
    if spec.layer in (*CONVS, *TRANSPOSES):
        names = ("filters", "kernel_size", "strides", "padding", "use_bias", "activation")
        options = {name: getattr(spec, name) for name in names}
        groups = {"groups": spec.groups} if spec.layer in CONVS else {}
        return {**options, **groups, "dilation_rate": spec.dilation}
    if spec.layer in (*MAXIMA, *AVERAGES):
        return {name: getattr(spec, name) for name in ("pool_size", "strides", "padding")}
    if spec.layer in GLOBAL:
        return {"keepdims": spec.keepdims}
    if spec.layer in NORMS:
        return _norm_options(spec)
    if isinstance(spec, Embedding):
        return {"input_dim": spec.vocabulary_size, "output_dim": spec.units}
    return {} if isinstance(spec, Flatten) else {"rate": spec.rate}


def _norm_options(spec: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"epsilon": spec.epsilon}
    if spec.layer != "RMSNorm":
        options |= {"scale": spec.scale, "center": spec.center}
    if spec.layer == "GroupNorm":
        options["groups"] = spec.groups
    if spec.layer == "BatchNorm":
        # of the old value there, and of the new one here
        options["momentum"] = 1.0 - spec.momentum
    return options


def axes_before(spec: Any) -> tuple[None, ...]:
    """All axes but the last of an input that this layer of Keras' is built for.

    A normalisation over several axes takes as many from then on: (B, T, D) if nothing says more.
    """
    if isinstance(spec, SlidingSpec):
        return (None,) * (spec.rank + 1)
    if isinstance(spec, BatchNorm):
        return (None,) * ((spec.rank or 3) - 1)
    return (None, None) if isinstance(spec, GroupNorm) else (None,)


def take_any_rank(spec: Any, layer: Any) -> None:
    """Let a built GroupNormalization take other axes than it was built for: it computes alike."""
    if isinstance(spec, GroupNorm):
        layer.input_spec = keras.InputSpec(min_ndim=2, axes={-1: spec.known_input_size()})


def own_map(spec: Any) -> ParameterMap | None:
    """How variables relate to the canonical parameters, where they are not the same."""
    if spec.layer in TRANSPOSES:
        taps = tuple(range(spec.rank))
        kernel = Permute("kernel", "kernel", (*taps, spec.rank + 1, spec.rank))
        bias = (Rename("bias", "bias"),) if spec.use_bias else ()
        return ParameterMap((kernel, *bias))
    return ParameterMap((Rename("scale", "gamma"),)) if isinstance(spec, RMSNorm) else None


def lacking(spec: Spec) -> str | None:
    """What Keras' own layer cannot be, of what the spec asks for; None when there is nothing."""
    padding = getattr(spec, "padding", "valid")
    if not isinstance(padding, str):
        return f"it has no padding {padding!r}, only words for it"
    if spec.layer in TRANSPOSES:
        return _transpose_lacks(spec)
    if spec.layer in AVERAGES and padding == "same":
        if getattr(spec, "count_include_pad", False):
            return "it counts only what lies in x"
        return BORDER if NAME == "torch" else None
    if isinstance(spec, RMSNorm) and not spec.scale:
        return "it always has a scale"
    if isinstance(spec, Embedding) and spec.padding_index is not None:
        return "it trains all rows; padding_index must be None"
    if isinstance(spec, Flatten) and spec.channels_first:
        return "it takes the entries in the order in which they come"
    return None


def _transpose_lacks(spec: Any) -> str | None:
    if any(w.output_padding for w in spec.windows):
        return "its output_padding means another thing"
    if spec.padding == "valid" and any(w.reach < w.stride for w in spec.windows):
        return "its output is longer where strides exceed the kernel"
    return None


def options_of(layer: str, module: Any) -> dict[str, Any]:
    """The options of the spec that a layer of Keras' means.

    Raises: ConversionError when it has something that no spec can say.
    """
    if getattr(module, "data_format", "channels_last") != "channels_last":
        raise _refused(module, "with data_format 'channels_last'", f"{module.data_format!r}")
    if layer in (*CONVS, *TRANSPOSES):
        return _read_conv(layer, module)
    if layer in (*MAXIMA, *AVERAGES):
        if layer in AVERAGES and NAME == "torch" and module.padding == "same":
            raise _refused(module, "with padding 'valid'", f"'same': {BORDER}")
        return {name: getattr(module, name) for name in ("pool_size", "strides", "padding")}
    if layer in GLOBAL:
        return {"keepdims": module.keepdims}
    if layer in NORMS:
        return _read_norm(layer, module)
    if layer == "Embedding":
        if module.mask_zero:
            raise _refused(module, "with mask_zero=False", "True. Pass the mask yourself")
        return {"vocabulary_size": module.input_dim, "units": module.output_dim}
    if layer == "Dropout":
        if module.noise_shape is not None:
            raise _refused(module, "without noise_shape", f"{module.noise_shape}")
        return {"rate": module.rate}
    return {}


def _read_conv(layer: str, module: Any) -> dict[str, Any]:
    name = activation_of(module.activation)
    if name is None:
        got = getattr(module.activation, "__name__", module.activation)
        raise _refused(module, "with an activation that a spec has", f"{got}")
    transposed = layer in TRANSPOSES
    if transposed and module.output_padding is not None:
        raise _refused(module, "without output_padding", f"{module.output_padding}")
    groups = 1 if transposed else module.groups
    size = module.kernel.shape[-1 if transposed else -2] * groups
    options = ("filters", "kernel_size", "strides", "padding", "use_bias")
    return {
        **{option: getattr(module, option) for option in options},
        **({} if transposed else {"groups": groups}),
        "input_size": size,
        "dilation": module.dilation_rate,
        "activation": None if name == "linear" else name,
    }


def _read_norm(layer: str, module: Any) -> dict[str, Any]:
    shape = module.get_build_config()["input_shape"]
    axes = module.axis if isinstance(module.axis, (list, tuple)) else [module.axis]
    if [axis % len(shape) for axis in axes] != [len(shape) - 1]:
        raise _refused(module, "over the last axis", f"axis={module.axis}")
    for option in ("renorm", "rms_scaling"):
        if getattr(module, option, False):
            raise _refused(module, f"with {option}=False", "True. No spec has that")
    options = {"input_size": shape[-1], "epsilon": module.epsilon}
    if layer != "RMSNorm":
        options |= {"scale": module.scale, "center": module.center}
    if layer == "GroupNorm":
        options["groups"] = module.groups
    if layer == "BatchNorm":
        # 1 − 0.99 is 0.01 but for rounding
        options["momentum"] = round(1.0 - module.momentum, 12)
        options["rank"] = len(shape)
    return options


def _refused(module: Any, expected: str, got: str) -> ConversionError:
    return ConversionError(
        f"expected a keras.layers.{type(module).__name__} {expected}, got {got}."
    )
