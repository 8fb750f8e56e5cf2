"""Layers on top of each other and in two directions: plain ones, put together in one place."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Listing
from typing import TYPE_CHECKING

import mlx.core as mx

from ncps_mlx import ops

if TYPE_CHECKING:
    from ncps_mlx.layers._recurrent import Sequence

States = tuple[mx.array, ...]


def run_parts(
    stack: Listing[Mapping[str, Sequence]],
    x: mx.array,
    states: States,
    times: ops.Times,
    return_sequences: bool,
) -> tuple[mx.array, States]:
    """y and the new states of all parts, for x (B, T, D).

    `stack` has the plain layers by direction, from the input up; each layer reads the outputs of
    all directions of the one below it. Without `return_sequences`, y is that of the last states.
    """
    rest, new = list(states), list[mx.array]()
    for level, layers in enumerate(stack):
        everything = return_sequences or level < len(stack) - 1
        outputs = []
        for direction, layer in layers.items():
            size = len(layer.spec.state_shapes())
            own, rest = tuple(rest[:size]), rest[size:]
            y, last = _scan(layer, direction == "reverse", x, own, times, everything)
            outputs.append(y)
            new += last
        x = outputs[0] if len(outputs) == 1 else mx.concatenate(outputs, axis=-1)
    return x, tuple(new)


def _scan(
    layer: Sequence, reverse: bool, x: mx.array, initial: States, times: ops.Times, everything: bool
) -> tuple[mx.array, States]:
    """y after every step or of the last state, and the last states."""
    if not reverse:
        return layer.scan(x, initial, times, everything)
    y, last = layer.scan(x[:, ::-1], initial, times.backwards, everything)
    return y[:, ::-1] if everything else y, last
