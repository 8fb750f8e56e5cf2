"""Keras' own layers: which of them is what a spec describes, and building it."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping
from typing import Any

import keras

from ncps.specs import Dense, GRUCell, RNNCell, SequenceSpec
from ncps_keras import _described_plain as plain

BARE: Mapping[str, type[keras.layers.Layer]] = {
    **plain.BARE,
    "Dense": keras.layers.Dense,
    "GRU": keras.layers.GRU,
    "GRUCell": keras.layers.GRUCell,
    "LSTM": keras.layers.LSTM,
    "LSTMCell": keras.layers.LSTMCell,
    "RNN": keras.layers.SimpleRNN,
    "RNNCell": keras.layers.SimpleRNNCell,
}
VARIABLES = ("kernel", "recurrent_kernel", "bias")
Initializer = Callable[..., Any]


def bare(spec: Any, dtype: Any = None) -> Any:
    """The layer of Keras' with the units and options of this spec, not built."""
    if isinstance(spec, SequenceSpec) and spec.bidirectional:
        one = dataclasses.replace(spec, bidirectional=False)
        return keras.layers.Bidirectional(bare(one, dtype), dtype=dtype)
    if spec.layer in plain.BARE:
        return plain.make(spec, dtype)
    options: dict[str, Any] = {"use_bias": spec.use_bias, "dtype": dtype}
    if isinstance(spec, Dense | RNNCell):
        options["activation"] = spec.activation
    if isinstance(spec, GRUCell):
        options["reset_after"] = spec.reset_after
    if isinstance(spec, SequenceSpec):
        options["return_sequences"] = spec.return_sequences
        options["return_state"] = spec.return_state
    return BARE[spec.layer](spec.units, **options)


def built(spec: Any, dtype: Any = None, first: Callable[[str], Initializer] | None = None) -> Any:
    """The same layer with variables; Python's generator stays where it is.

    `first` gives the initializer of each, zeros without it. Keras' own stay in the layer, but none
    is asked for values: on torch, the orthogonal one has none in half precision.
    """
    before = random.getstate()
    layer = bare(spec, dtype)
    parts = [getattr(side, "cell", side) for side in _sides(layer)]
    usual = [_set(part, _initializers(first)) for part in parts]
    axes = (None, None) if spec.kind == "sequence" else plain.axes_before(spec)
    layer.build((*axes, spec.known_input_size() if spec.sized else None))
    plain.take_any_rank(spec, layer)
    for part, own in zip(parts, usual, strict=True):
        _set(part, own)
    # Keras draws seeds from it, for initializers and dropout
    random.setstate(before)
    return layer


def _sides(layer: Any) -> tuple[Any, ...]:
    if isinstance(layer, keras.layers.Bidirectional):
        return (layer.forward_layer, layer.backward_layer)
    return (layer,)


def _initializers(first: Callable[[str], Initializer] | None) -> dict[str, Any]:
    make = first or (lambda name: keras.initializers.Zeros())
    found = {f"{name.removesuffix('_kernel')}_initializer": make(name) for name in VARIABLES}
    return {**found, "unit_forget_bias": False}


def _set(part: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set those attributes that a layer or cell has; what they were."""
    before = {name: getattr(part, name) for name in values if hasattr(part, name)}
    for name in before:
        setattr(part, name, values[name])
    return before
