"""Layers on top of each other and in two directions: plain ones, put together in one place."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Listing
from typing import TYPE_CHECKING, Any

from keras import ops as kops

from ncps_keras import ops

if TYPE_CHECKING:
    from ncps_keras.layers._recurrent import Sequence

States = tuple[Any, ...]


def run_parts(
    stack: Listing[Mapping[str, Sequence]],
    x: Any,
    states: States,
    times: ops.Times,
    return_sequences: bool,
    training: bool,
) -> tuple[Any, States]:
    """y and the new states of all parts, for x (B, T, D).

    `stack` has the plain layers by direction, from the input up; each layer reads the outputs of
    all directions of the one below it. Without `return_sequences`, y is that of the last states.
    """
    rest = list(states)
    new: list[Any] = []
    for level, layers in enumerate(stack):
        everything = return_sequences or level < len(stack) - 1
        outputs = []
        for direction, layer in layers.items():
            size = len(layer.spec.state_shapes())
            own, rest = tuple(rest[:size]), rest[size:]
            reverse = direction == "reverse"
            flipped = (kops.flip(x, axis=1), times.backwards) if reverse else (x, times)
            h, last = layer._states_after(flipped[0], own, flipped[1], training)
            y = layer._readout(h if everything else last[0])
            outputs.append(kops.flip(y, axis=1) if reverse and everything else y)
            new += last
        x = outputs[0] if len(outputs) == 1 else kops.concatenate(outputs, axis=-1)
    return x, tuple(new)
