from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ncps.errors import UnknownNameError, WiringError
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random, Wiring, from_config


class Ladder(Wiring):
    """A class that a reader of its config does not have."""

    def __init__(self, units: int) -> None:
        super().__init__(units)
        self.set_output_dim(1)
        for i in range(units - 1):
            self.add_synapse(i + 1, i, -1)

    @property
    def num_layers(self) -> int:
        return self.units

    def get_neurons_of_layer(self, layer_id: int) -> list[int]:
        return [self.units - 1 - layer_id]

    def get_type_of_neuron(self, neuron_id: int) -> str:
        return "motor" if neuron_id == 0 else f"rung {neuron_id}"

    def build(self, input_dim: int) -> None:
        super().build(input_dim)
        self.add_sensory_synapse(0, self.units - 1, 1)


def by_hand() -> Wiring:
    wiring = Wiring(4)
    wiring.set_output_dim(2)
    wiring.add_synapse(3, 0, -1)
    return wiring


EVERY = [
    pytest.param(by_hand, id="Wiring"),
    pytest.param(lambda: Wiring.from_adjacency(np.eye(3), layers=[[2, 0], [1]]), id="layers"),
    pytest.param(lambda: Wiring.from_adjacency(np.eye(2), layers=[[1], [0]]), id="usual-types"),
    pytest.param(lambda: FullyConnected(5, 2, 7, False), id="FullyConnected"),
    pytest.param(lambda: Random(9, 3, 0.25, 8), id="Random"),
    pytest.param(lambda: NCP(4, 3, 2, 2, 2, 3, 2, 9), id="NCP"),
    pytest.param(lambda: NCP([4, 5], 3, 2, 2, [3, 1], 3, 2), id="NCP-layers"),
    pytest.param(lambda: AutoNCP(12, 3, 0.7, 5), id="AutoNCP"),
    pytest.param(lambda: AutoNCP(12, 3, inter_layers=2), id="AutoNCP-layers"),
]


def through_json(config: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(config))


@pytest.mark.parametrize("make", EVERY)
def test_config_of_a_class_gives_the_same_wiring(make: Any) -> None:
    again = type(make()).from_config(through_json(make().get_config()))
    assert again == make()
    assert type(again) is type(make())
    assert again.built(3) == make().built(3)


@pytest.mark.parametrize("make", EVERY)
def test_tagged_config_gives_the_same_wiring_unbuilt_and_built(make: Any) -> None:
    for wiring in (make(), make().built(3)):
        config = wiring.to_config()
        assert config["class"] == type(wiring).__name__
        again = from_config(through_json(config))
        assert again == wiring
        assert type(again) is type(wiring)
        assert again.is_built() == wiring.is_built()
        assert type(wiring).from_config(config) == wiring


def test_writing_a_config_does_not_change_the_wiring() -> None:
    wiring = AutoNCP(12, 3)
    wiring.get_config()
    wiring.to_config()
    assert wiring.built(3) == AutoNCP(12, 3).built(3)


def test_class_of_ones_own_is_written_as_a_plain_wiring() -> None:
    wiring = Ladder(4).built(2)
    config = through_json(wiring.to_config())
    assert config["class"] == "Wiring"
    again = from_config(config)
    assert type(again) is Wiring
    assert again == wiring
    assert [again.get_neurons_of_layer(i) for i in range(4)] == [[3], [2], [1], [0]]
    assert again.get_type_of_neuron(2) == "rung 2"
    assert from_config(again.to_config()) == again


def test_class_of_ones_own_must_be_built_to_be_written() -> None:
    with pytest.raises(WiringError, match=r"Ladder\.to_config expected a built wiring"):
        Ladder(4).to_config()


def test_synapses_added_by_hand_to_a_generated_wiring_are_written() -> None:
    wiring = FullyConnected(4, self_connections=False)
    wiring.add_synapse(2, 2, -1)
    with pytest.raises(WiringError, match="expected a built wiring"):
        wiring.to_config()
    wiring.build(2)
    assert wiring.to_config()["class"] == "Wiring"
    assert from_config(wiring.to_config()) == wiring


def test_plain_config_of_the_original_is_read() -> None:
    config = {
        "units": 2,
        "adjacency_matrix": [[0, 1], [-1, 0]],
        "sensory_adjacency_matrix": [[1, 0], [0, 1], [1, -1]],
        "input_dim": 3,
        "output_dim": 1,
    }
    wiring = Wiring.from_config(config)
    assert wiring.is_built()
    assert wiring.get_config() == config
    unbuilt = Wiring.from_config({**config, "sensory_adjacency_matrix": None, "input_dim": None})
    assert not unbuilt.is_built()
    assert unbuilt.synapse_count == 2


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda: from_config({"class": "AutoNPC"}), "wiring 'AutoNPC'. Did you mean 'AutoNCP'"),
        (
            lambda: from_config({**AutoNCP(12, 3).to_config(), "sparsity": 0.5}),
            "AutoNCP option 'sparsity'. Did you mean 'sparsity_level'",
        ),
        (
            lambda: Wiring.from_config({"units": 2, "adjacency": []}),
            "wiring option 'adjacency'. Did you mean 'adjacency_matrix'",
        ),
    ],
)
def test_unknown_names_raise_with_the_nearest_match(read: Any, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        read()


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda: from_config({"units": 3}), "expected the key 'class' with one of .* got none"),
        (lambda: Wiring.from_config({}), "expected the key 'units', got none"),
        (lambda: NCP.from_config({"inter_neurons": 3}), "NCP config: expected the arguments"),
        (lambda: NCP.from_config(AutoNCP(12, 3).to_config()), "config of NCP, got one of AutoNCP"),
        (
            lambda: Wiring.from_config(
                {"units": 2, "input_dim": 2, "sensory_adjacency_matrix": [[1, 1]]}
            ),
            r"sensory_adjacency_matrix: expected shape \(2, 2\), got shape \(1, 2\)",
        ),
    ],
)
def test_incomplete_configs_say_what_is_missing(read: Any, message: str) -> None:
    with pytest.raises(WiringError, match=message):
        read()
