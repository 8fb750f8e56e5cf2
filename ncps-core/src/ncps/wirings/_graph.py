"""Wirings as networkx graphs, and back."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ncps.errors import PluginError, WiringError

if TYPE_CHECKING:
    from ._wiring import Wiring

_SIGNS = {"excitatory": 1, "inhibitory": -1, 1: 1, -1: -1}
_DEPTH = {"inter": 0, "command": 1, "motor": 2}


def require(module: str) -> Any:
    """Import a module of the extra ``plot``."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise PluginError(
            f"drawings and graphs of wirings expected {package}, which cannot be imported "
            f'({error}). Run: pip install "ncps[plot]"'
        ) from error


def check_built(wiring: Wiring) -> None:
    """Raise WiringError unless the number of inputs is known."""
    if not wiring.is_built():
        raise WiringError(
            f"{type(wiring).__name__} expected its number of inputs before it is drawn, got none. "
            "Call wiring.build(input_dim), or build the layer that it belongs to."
        )


def get_graph(wiring: Wiring, include_sensory_neurons: bool) -> Any:
    """See ``Wiring.get_graph``."""
    check_built(wiring)
    graph = require("networkx").DiGraph()
    layer_of = {i: depth for depth, layer in enumerate(wiring._layers()) for i in layer}
    for i in range(wiring.units):
        kind = wiring.get_type_of_neuron(i)
        graph.add_node(f"neuron_{i}", neuron_type=kind, layer=layer_of.get(i, 0))
    if include_sensory_neurons:
        sensory = wiring._sensory()
        for i in range(len(sensory)):
            graph.add_node(f"sensory_{i}", neuron_type="sensory", layer=-1)
        _add_edges(graph, "sensory", sensory)
    _add_edges(graph, "neuron", wiring.adjacency_matrix)
    return graph


def _add_edges(graph: Any, kind: str, matrix: np.ndarray) -> None:
    for source, target in np.argwhere(matrix):
        polarity = "excitatory" if matrix[source, target] > 0 else "inhibitory"
        graph.add_edge(f"{kind}_{source}", f"neuron_{target}", polarity=polarity)


def from_graph(graph: Any) -> Wiring:
    """See ``Wiring.from_graph``."""
    _check_kind(graph)
    types = {node: _type_of(node, data) for node, data in graph.nodes(data=True)}
    depth = _depths(graph, {node: kind for node, kind in types.items() if kind != "sensory"})
    inputs = _numbered([node for node in types if node not in depth], "sensory")
    # motor neurons first, then layer by layer towards the inputs: the order of NCP
    by_depth = sorted(depth, key=lambda node: (types[node] != "motor", -depth[node]))
    neurons = _numbered(by_depth, "neuron")
    adjacency, sensory = _matrices(graph, neurons, inputs)
    levels = sorted(set(depth.values()))
    from ._assemble import from_adjacency

    return from_adjacency(
        adjacency,
        sensory if inputs else None,
        [[neurons[node] for node in depth if depth[node] == level] for level in levels],
        sum(kind == "motor" for kind in types.values()),
        [types[node] for node in sorted(neurons, key=neurons.__getitem__)],
    )


def _check_kind(graph: Any) -> None:
    for name in ("is_directed", "is_multigraph"):
        if not callable(getattr(graph, name, None)):
            raise WiringError(
                f"from_graph: expected a networkx.DiGraph, got {type(graph).__name__}. "
                "For a matrix use Wiring.from_adjacency."
            )
    if not graph.is_directed() or graph.is_multigraph():
        raise WiringError(
            f"from_graph: expected a networkx.DiGraph, got {type(graph).__name__}: synapses have a "
            "direction, and there is one between two neurons. Convert it with networkx.DiGraph(g)."
        )


def _type_of(node: Any, data: dict[str, Any]) -> str:
    if not isinstance(data.get("neuron_type"), str):
        raise WiringError(
            f"from_graph: expected neuron_type on every node, got none on {node!r}. Set it to "
            "'sensory', 'inter', 'command' or 'motor'."
        )
    return str(data["neuron_type"])


def _depths(graph: Any, types: dict[Any, str]) -> dict[Any, int]:
    """The layer of each neuron, by its ``layer`` attribute or else by its type."""
    kinds = set(types.values())
    if "motor" not in kinds:
        raise WiringError(
            f"from_graph: expected a node with neuron_type 'motor', got only {sorted(kinds)}. "
            "Mark the neurons whose states are the outputs."
        )
    layers = {node: graph.nodes[node].get("layer") for node in types}
    if all(isinstance(layer, int | np.integer) for layer in layers.values()):
        return {node: int(layer) for node, layer in layers.items()}
    if all(layer is None for layer in layers.values()) and kinds <= set(_DEPTH):
        return {node: _DEPTH[kind] for node, kind in types.items()}
    lacking = [node for node, layer in layers.items() if not isinstance(layer, int | np.integer)]
    raise WiringError(
        f"from_graph: expected a whole number layer on every neuron, got none on {lacking[0]!r}. "
        "Set it on all; only inter, command and motor neurons have an order without it."
    )


def _numbered(nodes: list[Any], kind: str) -> dict[Any, int]:
    """An index for each node: the one in its name if all are named so, else its place."""
    matches = [re.fullmatch(rf"{kind}_(\d+)", str(node)) for node in nodes]
    named = [int(match[1]) for match in matches if match]
    if sorted(named) == list(range(len(nodes))):
        return dict(zip(nodes, named, strict=True))
    return {node: place for place, node in enumerate(nodes)}


def _matrices(
    graph: Any, neurons: dict[Any, int], inputs: dict[Any, int]
) -> tuple[np.ndarray, np.ndarray]:
    adjacency = np.zeros((len(neurons), len(neurons)), dtype=np.int32)
    sensory = np.zeros((len(inputs), len(neurons)), dtype=np.int32)
    for source, target, data in graph.edges(data=True):
        if target in inputs:
            raise WiringError(
                f"from_graph: expected no synapse into a sensory neuron, got {source!r} → "
                f"{target!r}. Turn it around, or change the type of {target!r}."
            )
        sign = _SIGNS.get(data.get("polarity"))
        if sign is None:
            raise WiringError(
                f"from_graph: expected polarity 'excitatory' or 'inhibitory' on every edge, got "
                f"{data.get('polarity')!r} on {source!r} → {target!r}. Set it."
            )
        if source in inputs:
            sensory[inputs[source], neurons[target]] = sign
        else:
            adjacency[neurons[source], neurons[target]] = sign
    return adjacency, sensory
