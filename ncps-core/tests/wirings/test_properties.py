"""What holds for wirings of any size."""

from __future__ import annotations

import json
from itertools import chain

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ncps.wirings import NCP, AutoNCP, FullyConnected, Random, Wiring, from_config

SEEDS = st.integers(0, 2**32 - 1)
INPUTS = st.integers(1, 9)


@st.composite
def ncps(draw: st.DrawFn) -> NCP:
    inter = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    command, motor = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    following = [*inter[1:], command]
    return NCP(
        inter,
        command,
        motor,
        draw(st.integers(0, inter[0])),
        [draw(st.integers(0, size)) for size in following],
        draw(st.integers(0, 8)),
        draw(st.integers(0, command)),
        draw(SEEDS),
    )


@st.composite
def auto_ncps(draw: st.DrawFn) -> AutoNCP:
    outputs = draw(st.integers(1, 6))
    units = draw(st.integers(outputs + 3, 30))
    others = units - outputs
    most = others - max(int(0.4 * others), 1)
    sparsity, layers = draw(st.floats(0.1, 1.0)), draw(st.integers(1, most))
    return AutoNCP(units, outputs, sparsity, draw(SEEDS), inter_layers=layers)


@st.composite
def own_circuits(draw: st.DrawFn) -> Wiring:
    units = draw(st.integers(1, 7))
    order = draw(st.permutations(range(units)))
    cuts = sorted(draw(st.sets(st.integers(1, units - 1), max_size=3))) if units > 1 else []
    layers = [order[a:b] for a, b in zip([0, *cuts], [*cuts, units], strict=True)]
    rng = np.random.default_rng(draw(SEEDS))
    return Wiring.from_adjacency(rng.integers(-1, 2, (units, units)), layers=layers)


def any_wiring() -> st.SearchStrategy[Wiring]:
    units = st.integers(1, 9)
    full = st.builds(FullyConnected, units, erev_init_seed=SEEDS, self_connections=st.booleans())
    sparsity = st.floats(0, 1, exclude_max=True)
    random = st.builds(Random, units, sparsity_level=sparsity, random_seed=SEEDS)
    return st.one_of(full, random, ncps(), auto_ncps(), own_circuits())


@settings(deadline=None, max_examples=60)
@given(any_wiring(), INPUTS)
def test_every_wiring_survives_json_and_a_graph(wiring: Wiring, inputs: int) -> None:
    built = wiring.built(inputs)
    assert from_config(json.loads(json.dumps(wiring.to_config()))).built(inputs) == built
    assert from_config(json.loads(json.dumps(built.to_config()))) == built
    assert Wiring.from_graph(built.get_graph()) == built
    wiring.build(inputs)
    assert wiring == built


@settings(deadline=None, max_examples=60)
@given(any_wiring(), INPUTS)
def test_every_wiring_is_signs_and_a_partition(wiring: Wiring, inputs: int) -> None:
    built = wiring.built(inputs)
    assert set(np.unique(built.adjacency_matrix)) <= {-1, 0, 1}
    assert set(np.unique(built.sensory_adjacency_matrix)) <= {-1, 0, 1}
    layers = [built.get_neurons_of_layer(i) for i in range(built.num_layers)]
    assert sorted(chain.from_iterable(layers)) == list(range(built.units))
    assert len(built.get_output_neurons()) == built.output_dim
    graph = built.get_graph()
    assert graph.number_of_edges() == built.synapse_count + built.sensory_synapse_count


@settings(deadline=None, max_examples=60)
@given(auto_ncps(), INPUTS)
def test_in_every_auto_ncp_each_neuron_leads_to_an_output(wiring: AutoNCP, inputs: int) -> None:
    graph = wiring.built(inputs).get_graph()
    motor = {node for node, kind in graph.nodes(data="neuron_type") if kind == "motor"}
    for node in set(graph) - motor:
        assert motor & nx.descendants(graph, node)


@settings(deadline=None, max_examples=40)
@given(ncps(), INPUTS)
def test_ncp_fans_are_at_least_what_was_asked_for(wiring: NCP, inputs: int) -> None:
    config = wiring.get_config()
    built = wiring.built(inputs)
    fanout = np.count_nonzero(built.sensory_adjacency_matrix, axis=1)
    assert fanout.min() >= config["sensory_fanout"]
    command = built.get_neurons_of_layer(built.num_layers - 2)
    fanin = np.count_nonzero(built.adjacency_matrix[command][:, : built.output_dim], axis=0)
    assert fanin.min() >= config["motor_fanin"]
