"""Wirings from the masks of a checkpoint, and masks held against a wiring."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ncps.errors import FileFormatError, ParameterError, SpecError
from ncps.wirings import Wiring
from ncps_torch.checkpoints._parts import Part

Mask = npt.NDArray[Any]


def take_mask(part: Part, name: str) -> Mask | None:
    """A mask, moved out of the arrays; None where there is none."""
    return part.arrays.pop(name, None)


def needed(part: Part, mask: Mask | None) -> Mask:
    """The mask, or the error for a checkpoint without it."""
    if mask is None:
        raise FileFormatError(
            f"{where(part)} expected sparsity masks, as ncps 1.0.1 saves them, got none. "
            "Pass units=… with the wiring, or the number of units, that it was made with."
        )
    return mask


def no_output_dim(part: Part, given: dict[str, Any]) -> None:
    """SpecError when the number of outputs is given and does not have a meaning."""
    if given.pop("output_dim", None) is not None:
        raise SpecError(
            f"{where(part)} expected no output_dim here, got one: the checkpoint or units= says "
            "it. Leave it out."
        )


def check_masks(part: Part, pairs: Iterable[tuple[str, Mask | None, Mask | None]]) -> None:
    """ParameterError unless each saved mask is the wiring's."""
    for name, saved, own in pairs:
        if saved is not None and (own is None or not np.array_equal(saved, own)):
            raise ParameterError(
                f"{where(part)} expected {name} as in the checkpoint, got a wiring with other "
                "synapses. Pass units= with the arguments and the seed that it was made with, or "
                "leave it out to have the circuit from the checkpoint."
            )


def layered_wiring(masks: list[Mask], output_dim: int | None) -> Wiring:
    """The wiring of a wired CfC from its masks (in + H, H), the first layer's first.

    As in ncps 1.0.1 the last layer's neurons are numbered first. The masks tell the synapses from
    layer to layer; not their signs, nor those inside a layer, which a wired CfC does not read.
    """
    sizes = [mask.shape[1] for mask in masks]
    units, layers = sum(sizes), []
    for i, size in enumerate(sizes):
        start = sum(sizes[i + 1 :])
        layers.append(list(range(start, start + size)))
    adjacency = np.zeros((units, units), dtype=np.int32)
    for before, after, mask in zip(layers, layers[1:], masks[1:], strict=False):
        adjacency[np.ix_(before, after)] = mask[: len(before)] != 0
    inputs = len(masks[0]) - sizes[0]
    sensory = np.zeros((inputs, units), dtype=np.int32)
    sensory[:, layers[0]] = masks[0][:inputs] != 0
    return Wiring.from_adjacency(adjacency, sensory, layers=layers, output_dim=output_dim)


def where(part: Part) -> str:
    """The layer, as a message names it."""
    return f"{part.layer} under {part.prefix!r}" if part.prefix else part.layer
