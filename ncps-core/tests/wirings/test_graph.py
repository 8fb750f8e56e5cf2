from __future__ import annotations

import sys
from typing import Any

import networkx as nx
import numpy as np
import pytest

from ncps.errors import PluginError, WiringError
from ncps.wirings import AutoNCP, FullyConnected, Random, Wiring

CIRCUITS = [
    pytest.param(lambda: AutoNCP(16, 3).built(4), id="AutoNCP"),
    pytest.param(lambda: AutoNCP(16, 3, inter_layers=3).built(2), id="layers"),
    pytest.param(lambda: FullyConnected(5, 2).built(3), id="FullyConnected"),
    pytest.param(lambda: Random(12, 5, 0.6).built(11), id="Random"),
    pytest.param(
        lambda: Wiring.from_adjacency(np.eye(4), np.ones((2, 4)), [[0, 1], [2], [3]]),
        id="motor-last",
    ),
]


def test_graph_names_nodes_and_edges_as_the_original() -> None:
    wiring = Wiring.from_adjacency([[0, -1], [1, 0]], [[1, 0], [0, -1], [0, 0]], output_dim=1)
    graph = wiring.get_graph()
    assert dict(graph.nodes(data="neuron_type")) == {
        "neuron_0": "motor",
        "neuron_1": "inter",
        "sensory_0": "sensory",
        "sensory_1": "sensory",
        "sensory_2": "sensory",
    }
    assert set(graph.edges(data="polarity")) == {
        ("neuron_0", "neuron_1", "inhibitory"),
        ("neuron_1", "neuron_0", "excitatory"),
        ("sensory_0", "neuron_0", "excitatory"),
        ("sensory_1", "neuron_1", "inhibitory"),
    }


def test_graph_knows_layers() -> None:
    wiring = AutoNCP(16, 3).built(4)
    layers = dict(wiring.get_graph().nodes(data="layer"))
    assert layers["sensory_0"] == -1
    assert layers["neuron_15"] == 0
    assert layers["neuron_3"] == 1
    assert layers["neuron_0"] == 2


def test_graph_without_sensory_neurons_has_none() -> None:
    wiring = AutoNCP(16, 3).built(4)
    graph = wiring.get_graph(include_sensory_neurons=False)
    assert len(graph) == 16
    assert graph.number_of_edges() == wiring.synapse_count
    full = wiring.get_graph()
    assert full.number_of_edges() == wiring.synapse_count + wiring.sensory_synapse_count


def test_graph_of_an_unbuilt_wiring_says_what_to_do() -> None:
    with pytest.raises(WiringError, match=r"expected its number of inputs .* Call wiring\.build"):
        AutoNCP(16, 3).get_graph()


def test_graph_without_networkx_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(PluginError, match=r'networkx.* Run: pip install "ncps\[plot\]"'):
        FullyConnected(3).built(2).get_graph()


@pytest.mark.parametrize("make", CIRCUITS)
def test_graph_gives_the_wiring_back(make: Any) -> None:
    assert Wiring.from_graph(make().get_graph()) == make()


def test_graph_without_inputs_gives_a_wiring_to_build() -> None:
    wiring = AutoNCP(16, 3).built(4)
    again = Wiring.from_graph(wiring.get_graph(include_sensory_neurons=False))
    assert not again.is_built()
    assert np.array_equal(again.adjacency_matrix, wiring.adjacency_matrix)
    reached = again.built(2).sensory_adjacency_matrix.any(axis=0)
    assert np.flatnonzero(reached).tolist() == wiring.get_neurons_of_layer(0)


def own_graph() -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_node("nose", neuron_type="sensory")
    graph.add_node("AIY", neuron_type="inter")
    graph.add_node("AVA", neuron_type="command")
    graph.add_node("leg", neuron_type="motor")
    graph.add_node("AIZ", neuron_type="inter")
    graph.add_edge("nose", "AIY", polarity="inhibitory")
    graph.add_edge("AIY", "AVA", polarity=1)
    graph.add_edge("AIZ", "AVA", polarity=-1)
    graph.add_edge("AVA", "AVA", polarity="excitatory")
    graph.add_edge("AVA", "leg", polarity="excitatory")
    return graph


def test_graph_of_ones_own_is_numbered_from_the_motor_neurons_on() -> None:
    wiring = Wiring.from_graph(own_graph())
    types = [wiring.get_type_of_neuron(i) for i in range(4)]
    assert types == ["motor", "command", "inter", "inter"]
    assert [wiring.get_neurons_of_layer(i) for i in range(3)] == [[2, 3], [1], [0]]
    assert wiring.adjacency_matrix.tolist() == [
        [0, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 1, 0, 0],
        [0, -1, 0, 0],
    ]
    assert wiring.sensory_adjacency_matrix.tolist() == [[0, 0, -1, 0]]
    assert wiring.output_dim == 1


def test_graph_of_ones_own_may_name_layers() -> None:
    graph = own_graph()
    nx.set_node_attributes(graph, {"AIY": 5, "AIZ": 7, "AVA": 8, "leg": 20}, "layer")
    graph.nodes["AIY"]["neuron_type"] = "hub"
    wiring = Wiring.from_graph(graph)
    assert [wiring.get_neurons_of_layer(i) for i in range(4)] == [[3], [2], [1], [0]]
    assert wiring.get_type_of_neuron(3) == "hub"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.add_node("x"), "expected neuron_type on every node, got none on 'x'. Set"),
        (lambda g: g.add_node("x", neuron_type="hub"), "whole number layer .* got none on"),
        (lambda g: g.nodes["leg"].update(neuron_type="inter"), "a node with neuron_type 'motor'"),
        (lambda g: g.add_edge("AIY", "leg"), "expected polarity .* got None on 'AIY' → 'leg'"),
        (lambda g: g.add_edge("AIY", "leg", polarity=0.3), "got 0.3 on 'AIY' → 'leg'. Set it"),
        (lambda g: g.add_edge("AIY", "nose", polarity=1), "no synapse into a sensory neuron"),
    ],
)
def test_incomplete_graph_says_what_is_missing(change: Any, message: str) -> None:
    graph = own_graph()
    change(graph)
    with pytest.raises(WiringError, match=message):
        Wiring.from_graph(graph)


@pytest.mark.parametrize("graph", [nx.Graph(), nx.MultiDiGraph(), np.eye(3)])
def test_other_graphs_are_refused(graph: Any) -> None:
    with pytest.raises(WiringError, match=r"expected a networkx\.DiGraph, got"):
        Wiring.from_graph(graph)
