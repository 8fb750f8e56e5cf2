"""Plain wirings from matrices, layers and neuron types, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ncps.errors import WiringError, unknown

from . import _checks as checks
from ._wiring import Wiring

_OPTIONS = (
    *("units", "adjacency_matrix", "sensory_adjacency_matrix", "input_dim", "output_dim"),
    *("layers", "neuron_types", "dense_inputs"),
)


def from_adjacency(
    adjacency: ArrayLike,
    sensory: ArrayLike | None,
    layers: Sequence[Sequence[int]] | None,
    output_dim: int | None,
    neuron_types: Sequence[str] | None,
) -> Wiring:
    """See ``Wiring.from_adjacency``."""
    matrix = checks.polarities("adjacency", adjacency)
    units = checks.count("the number of neurons in adjacency", len(matrix))
    ordered = None
    if layers is not None and len(layers) > 1:
        ordered = [sorted(layer) for layer in checks.layering(layers, units)]
        output_dim = _last_layer_size(ordered, output_dim)
        neuron_types = neuron_types or _types_by_layer(ordered, units)
    elif layers is not None:
        checks.layering(layers, units)
    config = {
        "units": units,
        "adjacency_matrix": matrix,
        "output_dim": units if output_dim is None else output_dim,
        "layers": ordered,
        "neuron_types": neuron_types,
        "dense_inputs": sensory is None,
    }
    if sensory is not None:
        config["sensory_adjacency_matrix"] = sensory
        config["input_dim"] = checks.count("the number of rows in sensory", len(np.array(sensory)))
    return assemble(config)


def assemble(config: Mapping[str, Any]) -> Wiring:
    """The plain wiring that ``describe`` described, built if it was."""
    for key in config:
        if key not in _OPTIONS:
            raise unknown("wiring option", key, _OPTIONS)
    if "units" not in config:
        raise WiringError("Wiring config: expected the key 'units', got none. Add it.")
    wiring = Wiring(config["units"])
    units = wiring.units
    if config.get("adjacency_matrix") is not None:
        wiring.adjacency_matrix = checks.polarities(
            "adjacency_matrix", config["adjacency_matrix"], (units, units)
        )
    if config.get("output_dim") is not None:
        wiring.set_output_dim(config["output_dim"])
    # what is so anyway is left out, as describe() does, so that equal wirings have equal attributes
    if config.get("layers") is not None:
        layers = checks.layering(config["layers"], units)
        if layers != _usual_layers(wiring):
            wiring._fixed_layers = layers
    if config.get("neuron_types") is not None:
        types = checks.neuron_types(config["neuron_types"], units)
        if types != _usual_types(wiring):
            wiring._fixed_types = types
    if config.get("dense_inputs"):
        wiring._dense_inputs = True
    if config.get("input_dim") is not None:
        _build(wiring, config["input_dim"], config.get("sensory_adjacency_matrix"))
    return wiring


def describe(wiring: Wiring) -> dict[str, Any]:
    """The circuit as JSON-able values: the keys of ncps 1.0.1, and others where they matter."""
    sensory = wiring.sensory_adjacency_matrix
    config: dict[str, Any] = {
        "units": wiring.units,
        "adjacency_matrix": wiring.adjacency_matrix.tolist(),
        "sensory_adjacency_matrix": None if sensory is None else sensory.tolist(),
        "input_dim": wiring.input_dim,
        "output_dim": wiring.output_dim,
    }
    layers = tuple(tuple(int(i) for i in layer) for layer in wiring._layers())
    if layers != _usual_layers(wiring):
        config["layers"] = [list(layer) for layer in layers]
    types = tuple(wiring.get_type_of_neuron(i) for i in range(wiring.units))
    if types != _usual_types(wiring):
        config["neuron_types"] = list(types)
    if wiring._dense_inputs and not wiring.is_built():
        config["dense_inputs"] = True
    return config


def _usual_layers(wiring: Wiring) -> tuple[tuple[int, ...], ...]:
    return (tuple(range(wiring.units)),)


def _usual_types(wiring: Wiring) -> tuple[str, ...]:
    motor = wiring.output_dim or 0
    return ("motor",) * motor + ("inter",) * (wiring.units - motor)


def _build(wiring: Wiring, input_dim: int, sensory: ArrayLike | None) -> None:
    if sensory is not None:
        wiring.set_input_dim(input_dim)
        shape = (int(input_dim), wiring.units)
        wiring.sensory_adjacency_matrix = checks.polarities(
            "sensory_adjacency_matrix", sensory, shape
        )
    wiring.build(input_dim)


def _last_layer_size(layers: Sequence[Sequence[int]], output_dim: int | None) -> int:
    size = len(layers[-1])
    if output_dim not in (None, size):
        raise WiringError(
            f"output_dim: expected {size}, the size of the last layer, got {output_dim}. "
            "Leave output_dim out, or move neurons into or out of the last layer."
        )
    return size


def _types_by_layer(layers: Sequence[Sequence[int]], units: int) -> list[str]:
    # command neurons stand between inter and motor neurons, so two layers have none
    names = ["inter"] * (len(layers) - 2) + ["command", "motor"]
    if len(layers) == 2:
        names[0] = "inter"
    types = [""] * units
    for name, layer in zip(names, layers, strict=True):
        for i in layer:
            types[i] = name
    return types
