"""The plain CfC cells that a CfC is made of: one, or one for each layer of its wiring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ncps.errors import SpecError
from ncps.specs._base import Parameter
from ncps.specs._initializers import XavierUniform, fan_in_uniform
from ncps.specs._wired import Mask, mask_of, sensory_synapses, signs_of
from ncps.wirings import Wiring


@dataclass(frozen=True, eq=False)
class CfCBlock:
    """One plain CfC cell of the network: the whole of an unwired CfC, one layer of a wired one.

    `mask` (input_size + units, units) multiplies the kernels of ff1 and ff2, `time_mask` those of
    time_a and time_b; None means no mask.
    """

    prefix: str
    input_size: int
    units: int
    backbone: tuple[int, ...]
    mask: Mask | None
    time_mask: Mask | None = None

    @property
    def features(self) -> int:
        """Length of the vector that the heads read."""
        return self.backbone[-1] if self.backbone else self.input_size + self.units


def layers_of(wiring: Wiring) -> list[list[int]]:
    """The neurons of each layer."""
    return [list(wiring.get_neurons_of_layer(i)) for i in range(wiring.num_layers)]


def wired_blocks(
    wiring: Wiring, input_size: int, *, strict: bool, signed: bool = False
) -> tuple[CfCBlock, ...]:
    """One block for each layer; `strict` masks the recurrence and the time heads too.

    With `signed` a mask holds the signs of the synapses, else 1 for each.
    """
    read = signs_of if signed else mask_of
    built = wiring.built(input_size)
    layers = layers_of(built)
    blocks = []
    for i, neurons in enumerate(layers):
        if i == 0:
            synapses = sensory_synapses(built)[:, neurons]
        else:
            synapses = built.adjacency_matrix[np.ix_(layers[i - 1], neurons)]
        inner = built.adjacency_matrix[np.ix_(neurons, neurons)]
        recurrent = inner if strict else np.ones_like(inner)
        mask = read(np.concatenate([synapses, recurrent]))
        sizes = (len(synapses), len(neurons), ())
        blocks.append(CfCBlock(f"layer_{i}.", *sizes, mask, mask if strict else None))
    return tuple(blocks)


def check_layered(layer: str, wiring: Wiring) -> None:
    """SpecError unless every synapse stays in a layer or leads to the next, inputs to the first.

    Only then are the blocks the whole circuit.
    """
    layers = layers_of(wiring)
    place = {n: i for i, neurons in enumerate(layers) for n in neurons}
    advice = "Use a wiring with such synapses only or with one layer, or wiring_mode='ncps-1.0'."
    for a, b in np.argwhere(wiring.adjacency_matrix):
        if place[b] - place[a] not in (0, 1):
            raise SpecError(
                f"{layer} with wiring_mode='strict' expected synapses within a layer and to the "
                f"next one, got neuron {a} of layer {place[a]} → neuron {b} of layer {place[b]}. "
                + advice
            )
    if wiring.is_built():
        for a, b in np.argwhere(sensory_synapses(wiring)):
            if place[b] != 0:
                raise SpecError(
                    f"{layer} with wiring_mode='strict' expected inputs to reach layer 0 only, "
                    f"got input {a} → neuron {b} of layer {place[b]}. " + advice
                )


def block_parameters(block: CfCBlock, mode: str) -> list[Parameter]:
    """The canonical parameters of one block."""
    parameters = []
    features = block.input_size + block.units
    for i, units in enumerate(block.backbone):
        parameters += _affine(f"{block.prefix}backbone.{i}", features, units)
        features = units
    heads = ("ff1",) if mode == "pure" else ("ff1", "ff2", "time_a", "time_b")
    for head in heads:
        parameters += _affine(f"{block.prefix}{head}", features, block.units)
    if mode == "pure":
        for name in ("w_tau", "A"):
            parameters.append(Parameter(f"{block.prefix}{name}", (block.units,), XavierUniform()))
    return parameters


def _affine(name: str, inputs: int, outputs: int) -> list[Parameter]:
    bias = fan_in_uniform(inputs)
    return [
        Parameter(f"{name}.kernel", (inputs, outputs), XavierUniform()),
        Parameter(f"{name}.bias", (outputs,), bias),
    ]
