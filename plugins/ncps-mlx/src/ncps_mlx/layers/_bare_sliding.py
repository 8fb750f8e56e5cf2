"""MLX's own convolutions and pools, for what a spec describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx.nn as nn

CONVS: Mapping[str, Any] = {"Conv1D": nn.Conv1d, "Conv2D": nn.Conv2d}
TRANSPOSES: Mapping[str, Any] = {
    "Conv1DTranspose": nn.ConvTranspose1d,
    "Conv2DTranspose": nn.ConvTranspose2d,
}
MAXIMA: Mapping[str, Any] = {"MaxPool1D": nn.MaxPool1d, "MaxPool2D": nn.MaxPool2d}
AVERAGES: Mapping[str, Any] = {"AveragePool1D": nn.AvgPool1d, "AveragePool2D": nn.AvgPool2d}
BARE: Mapping[str, Any] = {**CONVS, **TRANSPOSES, **MAXIMA, **AVERAGES}


def conv(spec: Any) -> Any:
    """A convolution of MLX's, which pads both ends alike or not at all: see `pads_itself`."""
    return CONVS[spec.layer](
        *(spec.known_input_size(), spec.filters, spec.kernel_size),
        stride=spec.strides,
        padding=_both_ends(spec),
        dilation=spec.dilation,
        groups=spec.groups,
        bias=spec.use_bias,
    )


def conv_transpose(spec: Any) -> Any:
    """A transposed convolution of MLX's, with padding that is not a word."""
    return TRANSPOSES[spec.layer](
        *(spec.known_input_size(), spec.filters, spec.kernel_size),
        stride=spec.strides,
        padding=0 if isinstance(spec.padding, str) else spec.padding,
        dilation=spec.dilation,
        bias=spec.use_bias,
    )


def pool(spec: Any) -> Any:
    """A pool of MLX's, which pads both ends alike or not at all: see `pads_itself`."""
    cls = {**MAXIMA, **AVERAGES}[spec.layer]
    return cls(spec.pool_size, stride=spec.strides, padding=_both_ends(spec))


def pads_itself(spec: Any) -> bool:
    """Whether MLX's own layer has this padding; its averages always count what lies beyond."""
    counted = spec.layer not in AVERAGES or spec.count_include_pad
    return spec.padding == "valid" or (not isinstance(spec.padding, str) and counted)


def _both_ends(spec: Any) -> Any:
    return 0 if spec.padding == "valid" or not pads_itself(spec) else spec.padding
