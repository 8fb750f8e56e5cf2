"""The generated wirings: their layers, their arguments, and circuits of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ncps.errors import WiringError
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random, Wiring

NCP_ARGUMENTS = {
    "inter_neurons": 6,
    "command_neurons": 4,
    "motor_neurons": 2,
    "sensory_fanout": 3,
    "inter_fanout": 2,
    "recurrent_command_synapses": 3,
    "motor_fanin": 2,
}


def layer_of(wiring: Wiring) -> dict[int, int]:
    return {i: n for n in range(wiring.num_layers) for i in wiring.get_neurons_of_layer(n)}


def test_ncp_with_several_inter_layers_links_each_to_the_next() -> None:
    wiring = NCP([6, 5, 3], 4, 2, 3, [2, 3, 1], 3, 2).built(4)
    assert [len(wiring.get_neurons_of_layer(i)) for i in range(5)] == [6, 5, 3, 4, 2]
    assert wiring.get_neurons_of_layer(0) == [14, 15, 16, 17, 18, 19]
    assert wiring.get_neurons_of_layer(2) == [6, 7, 8]
    assert "".join(wiring.get_type_of_neuron(i)[0] for i in range(20)) == "mmcccc" + "i" * 14
    depth = layer_of(wiring)
    steps = {(depth[int(s)], depth[int(t)]) for s, t in np.argwhere(wiring.adjacency_matrix)}
    assert steps == {(0, 1), (1, 2), (2, 3), (3, 3), (3, 4)}
    first = wiring.get_neurons_of_layer(0)
    assert wiring.sensory_adjacency_matrix[:, :14].any() == np.False_
    assert wiring.sensory_adjacency_matrix[:, first].any(axis=0).all()
    fanouts = [
        np.abs(wiring.adjacency_matrix[wiring.get_neurons_of_layer(i)]).sum(axis=1).min()
        for i in range(3)
    ]
    assert fanouts == [2, 3, 1]


def test_one_inter_layer_in_a_list_is_the_number() -> None:
    arguments = {**NCP_ARGUMENTS, "inter_neurons": [6], "inter_fanout": (2,)}
    assert NCP(**arguments) == NCP(**NCP_ARGUMENTS)
    assert NCP(**arguments).built(3) == NCP(**NCP_ARGUMENTS).built(3)


def test_one_inter_fanout_holds_for_every_inter_layer() -> None:
    assert NCP([6, 5], 4, 2, 3, 2, 3, 2) == NCP([6, 5], 4, 2, 3, [2, 2], 3, 2)


@pytest.mark.parametrize("layers", [1, 2, 3, 5])
def test_auto_ncp_spreads_inter_neurons_over_layers(layers: int) -> None:
    wiring = AutoNCP(32, 4, inter_layers=layers).built(5)
    sizes = [len(wiring.get_neurons_of_layer(i)) for i in range(wiring.num_layers)]
    assert sizes[-2:] == [11, 4]
    assert sum(sizes[:-2]) == 17
    assert max(sizes[:-2]) - min(sizes[:-2]) <= 1
    assert len(sizes) == layers + 2
    # every neuron but the motor neurons reaches another one, every one is reached
    assert wiring.adjacency_matrix[4:].any(axis=1).all()
    reached = wiring.adjacency_matrix.any(axis=0) | wiring.sensory_adjacency_matrix.any(axis=0)
    assert reached.all()


def test_auto_ncp_takes_inter_layers_by_keyword_only() -> None:
    with pytest.raises(TypeError):
        AutoNCP(32, 4, 0.5, 1, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sensory_fanout": 7}, "sensory_fanout of at most 6, the number of inter .* got 7. Lower"),
        ({"inter_fanout": 5}, "inter_fanout of at most 4, the number of command .* got 5. Lower"),
        ({"motor_fanin": 5}, "motor_fanin of at most 4, the number of command neurons .* got 5"),
        ({"inter_neurons": [6, 1]}, "inter_fanout of at most 1, the number of inter neurons"),
        ({"inter_fanout": [2, 2]}, "one for each of 1 inter layers, got 2. Pass an int"),
        ({"inter_neurons": []}, r"inter_neurons: expected a number, .* got \[\]. Pass an int"),
        ({"inter_neurons": 0}, "inter_neurons: expected a whole number of at least 1, got 0"),
        ({"command_neurons": 0}, "command_neurons: expected a whole number of at least 1"),
        ({"motor_neurons": 1.5}, "motor_neurons: expected a whole number of at least 1, got 1.5"),
        ({"motor_fanin": -1}, "motor_fanin: expected a whole number of at least 0, got -1"),
        ({"recurrent_command_synapses": -1}, "recurrent_command_synapses: expected a whole"),
        ({"seed": -1}, "seed: expected a whole number of at least 0, got -1"),
        ({"seed": 2**32}, r"seed: expected a seed below 2\*\*32, got 4294967296. Use a smaller"),
    ],
)
def test_ncp_says_which_argument_is_wrong(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(WiringError, match=message):
        NCP(**{**NCP_ARGUMENTS, **changed})


@pytest.mark.parametrize("sparsity", [0.0999, 1.0001, -1, float("nan")])
def test_auto_ncp_checks_its_sparsity(sparsity: float) -> None:
    with pytest.raises(WiringError, match=r"sparsity_level: expected a number from 0.1 to 1.0"):
        AutoNCP(16, 4, sparsity)


@pytest.mark.parametrize("sparsity", [-0.0001, 1.0, float("nan")])
def test_random_checks_its_sparsity(sparsity: float) -> None:
    with pytest.raises(WiringError, match=r"sparsity_level: expected a number in \[0, 1\), got"):
        Random(8, sparsity_level=sparsity)


def test_auto_ncp_checks_its_sizes() -> None:
    with pytest.raises(WiringError, match=r"below units - 2 = 6, got 6\. Use at least 9 units"):
        AutoNCP(8, 6)
    with pytest.raises(WiringError, match=r"inter_layers: expected at most 3, .* got 4\. Use more"):
        AutoNCP(8, 3, inter_layers=4)


def test_random_keeps_the_wanted_part_of_all_synapses() -> None:
    wiring = Random(20, 4, sparsity_level=0.75).built(8)
    assert wiring.synapse_count == 100
    assert wiring.sensory_synapse_count == 40


def test_fully_connected_can_leave_out_self_connections() -> None:
    wiring = FullyConnected(7, self_connections=False)
    assert not np.diag(wiring.adjacency_matrix).any()
    assert wiring.synapse_count == 42


@pytest.mark.parametrize(
    "make",
    [
        lambda: FullyConnected(8, erev_init_seed=None),
        lambda: Random(8, random_seed=None),
        lambda: AutoNCP(20, 4, seed=None),
    ],
)
def test_without_a_seed_each_wiring_is_new_and_can_be_written_down(make: Any) -> None:
    wiring = make()
    assert wiring.built(3) != make().built(3)
    assert type(wiring).from_config(wiring.get_config()).built(3) == wiring.built(3)


def test_from_adjacency_keeps_matrices_layers_and_types() -> None:
    adjacency = np.zeros((5, 5))
    adjacency[0, 3], adjacency[1, 2], adjacency[2, 4], adjacency[3, 4] = 1, -1, 1, -1
    sensory = np.array([[1, -1, 0, 0, 0]])
    wiring = Wiring.from_adjacency(adjacency, sensory, [[1, 0], [3, 2], [4]])
    assert wiring.adjacency_matrix.tolist() == adjacency.tolist()
    assert wiring.adjacency_matrix.dtype == np.int32
    assert wiring.sensory_adjacency_matrix.tolist() == sensory.tolist()
    assert [wiring.get_neurons_of_layer(i) for i in range(3)] == [[0, 1], [2, 3], [4]]
    types = [wiring.get_type_of_neuron(i) for i in range(5)]
    assert types == ["inter", "inter", "command", "command", "motor"]
    assert wiring.output_dim == 1
    assert wiring.get_output_neurons() == [4]
    assert wiring.is_built()
    adjacency[:], sensory[:] = 0, 0
    assert wiring.synapse_count == 4
    assert wiring.sensory_synapse_count == 2


def test_from_adjacency_without_sensory_connects_all_inputs_to_the_first_layer() -> None:
    wiring = Wiring.from_adjacency(np.zeros((3, 3)), layers=[[1, 2], [0]])
    assert not wiring.is_built()
    assert wiring.built(2).sensory_adjacency_matrix.tolist() == [[0, 1, 1], [0, 1, 1]]


def test_from_adjacency_with_one_layer_may_have_fewer_outputs() -> None:
    wiring = Wiring.from_adjacency(np.eye(4), output_dim=2)
    assert wiring.get_output_neurons() == [0, 1]
    assert [wiring.get_type_of_neuron(i) for i in (1, 2)] == ["motor", "inter"]
    assert Wiring.from_adjacency(np.eye(4)).output_dim == 4


def test_from_adjacency_takes_names_of_neurons() -> None:
    names = ["hub", "motor", "motor"]
    wiring = Wiring.from_adjacency(np.eye(3), layers=[[0], [1, 2]], neuron_types=names)
    assert [wiring.get_type_of_neuron(i) for i in range(3)] == names
    assert wiring.get_output_neurons() == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"adjacency": np.zeros((2, 3))},
            r"adjacency: expected a square matrix, got shape \(2, 3\)",
        ),
        ({"adjacency": [1, 2]}, r"adjacency: expected a square matrix, got shape \(2,\)"),
        ({"adjacency": np.zeros((0, 0))}, "neurons in adjacency: expected .* at least 1, got 0"),
        ({"adjacency": [[2]]}, r"adjacency: expected -1, 0 or \+1 everywhere, got 2 at \(0, 0\)"),
        ({"adjacency": [[np.nan]]}, "adjacency: expected -1, 0 or .* got nan"),
        ({"sensory": [[1, 0]]}, r"sensory_adjacency_matrix: expected shape \(1, 3\), got"),
        ({"sensory": np.zeros((0, 3))}, "rows in sensory: expected a whole number of at least 1"),
        ({"layers": [[0, 1], [1, 2]]}, r"missing \[\], repeated \[1\], unknown \[\]"),
        ({"layers": [[0, 1]]}, r"missing \[2\]"),
        ({"layers": [[0, 1, 2], []]}, "no empty layer"),
        ({"layers": [[0, 1], [3]]}, r"missing \[2\], repeated \[\], unknown \[3\]"),
        ({"layers": [[0], [1, 2]], "output_dim": 1}, "expected 2, the size of the last layer"),
        ({"output_dim": 4}, "output_dim: expected at most 3"),
        ({"neuron_types": ["motor"]}, "neuron_types: expected 3 names, .* got"),
    ],
)
def test_from_adjacency_says_what_is_wrong(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(WiringError, match=message):
        Wiring.from_adjacency(**{"adjacency": np.zeros((3, 3)), **arguments})
