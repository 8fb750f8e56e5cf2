"""Layers on top of each other and in two directions: plain ones, put together in one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ncps_torch import ops

if TYPE_CHECKING:
    from ncps_torch.layers._recurrent import Sequence

States = tuple[Tensor, ...]


def run_parts(
    stack: Iterable[Mapping[str, Sequence]],
    x: Tensor,
    states: States,
    times: ops.Times,
    return_sequences: bool,
) -> tuple[Tensor, States]:
    """y and the new states of all parts, for x (B, T, D).

    `stack` has the plain layers by direction, from the input up; each layer reads the outputs of
    all directions of the one below it. Without `return_sequences`, y is that of the last states.
    """
    levels = list(stack)
    rest = list(states)
    new: list[Tensor] = []
    for level, layers in enumerate(levels):
        everything = return_sequences or level < len(levels) - 1
        outputs = []
        for direction, layer in layers.items():
            size = len(layer.spec.state_shapes())
            own, rest = tuple(rest[:size]), rest[size:]
            y, last = _scan(layer, direction == "reverse", x, own, times, everything)
            outputs.append(y)
            new += last
        x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
    return x, tuple(new)


def _scan(
    layer: Sequence, reverse: bool, x: Tensor, initial: States, times: ops.Times, everything: bool
) -> tuple[Tensor, States]:
    """y after every step or of the last state, and the last states."""
    if not reverse:
        return layer.scan(x, initial, times, everything)
    y, last = layer.scan(x.flip(1), initial, times.backwards, everything)
    return y.flip(1) if everything else y, last
