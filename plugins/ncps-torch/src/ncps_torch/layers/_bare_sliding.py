"""Torch's own convolutions and pools, channels first, for what a spec describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ncps.specs import SlidingSpec

CONVS: Mapping[str, type[nn.Module]] = {"Conv1D": nn.Conv1d, "Conv2D": nn.Conv2d}
TRANSPOSES: Mapping[str, type[nn.Module]] = {
    "Conv1DTranspose": nn.ConvTranspose1d,
    "Conv2DTranspose": nn.ConvTranspose2d,
}
MAXIMA: Mapping[str, type[nn.Module]] = {"MaxPool1D": nn.MaxPool1d, "MaxPool2D": nn.MaxPool2d}
AVERAGES: Mapping[str, type[nn.Module]] = {
    "AveragePool1D": nn.AvgPool1d,
    "AveragePool2D": nn.AvgPool2d,
}
GLOBAL: Mapping[str, type[nn.Module]] = {
    "GlobalAveragePool1D": nn.AdaptiveAvgPool1d,
    "GlobalAveragePool2D": nn.AdaptiveAvgPool2d,
    "GlobalMaxPool1D": nn.AdaptiveMaxPool1d,
    "GlobalMaxPool2D": nn.AdaptiveMaxPool2d,
}
BARE: Mapping[str, type[nn.Module]] = {**CONVS, **TRANSPOSES, **MAXIMA, **AVERAGES, **GLOBAL}


def conv(spec: Any) -> Any:
    """A convolution of torch's, which pads as far as torch can: see `pads_itself`."""
    own = {"valid": 0, "causal": 0, "same": "same" if pads_itself(spec) else 0}
    return CONVS[spec.layer](
        *(spec.known_input_size(), spec.filters, spec.kernel_size),
        stride=spec.strides,
        padding=own.get(spec.padding, spec.padding),
        dilation=spec.dilation,
        groups=spec.groups,
        bias=spec.use_bias,
    )


def conv_transpose(spec: Any) -> Any:
    """A transposed convolution of torch's; where more is cut off at the end, it must be cut."""
    ends = [window.crop for window in spec.windows]
    return TRANSPOSES[spec.layer](
        *(spec.known_input_size(), spec.filters, spec.kernel_size),
        stride=spec.strides,
        padding=tuple(before for before, _ in ends),
        output_padding=tuple(max(before - after, 0) for before, after in ends),
        dilation=spec.dilation,
        bias=spec.use_bias,
    )


def pool(spec: Any) -> Any:
    """A pool of torch's, which pads as far as torch can: see `pads_itself`."""
    options: dict[str, Any] = {"stride": spec.strides}
    options["padding"] = 0 if spec.padding == "valid" or not pads_itself(spec) else spec.padding
    if spec.layer in MAXIMA:
        return MAXIMA[spec.layer](spec.pool_size, **options)
    options["count_include_pad"] = spec.count_include_pad or not pads_itself(spec)
    return AVERAGES[spec.layer](spec.pool_size, **options)


def pads_itself(spec: SlidingSpec) -> bool:
    """Whether torch's own layer has this padding."""
    windows: Any = spec.windows
    if spec.layer in CONVS:
        strided = any(window.stride > 1 for window in windows)
        return windows[0].padding != "causal" and not (windows[0].padding == "same" and strided)
    if windows[0].padding == "same":
        return False
    return all(w.padding == "valid" or 2 * w.padding <= w.size for w in windows)
