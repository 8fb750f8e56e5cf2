"""Torch's own layers, and which of them is what a spec describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ncps.specs import RNNCell, SequenceSpec
from ncps_torch import _described_sliding as sliding

BARE: Mapping[str, type[nn.Module]] = {
    "Dense": nn.Linear,
    "GRU": nn.GRU,
    "GRUCell": nn.GRUCell,
    "LSTM": nn.LSTM,
    "LSTMCell": nn.LSTMCell,
    "RNN": nn.RNN,
    "RNNCell": nn.RNNCell,
}


def bare(spec: Any) -> Any:
    """The layer of torch's with the sizes and options of this spec, on x (B, T, D)."""
    if spec.layer in sliding.MAKE:
        return sliding.MAKE[spec.layer](spec)
    options: dict[str, Any] = {"bias": spec.use_bias}
    if isinstance(spec, RNNCell):
        options["nonlinearity"] = spec.activation
    if isinstance(spec, SequenceSpec):
        options["num_layers"], options["bidirectional"] = spec.num_layers, spec.bidirectional
        options["batch_first"] = True
    return BARE[spec.layer](spec.known_input_size(), spec.units, **options)
