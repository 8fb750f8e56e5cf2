from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from ncps.errors import NcpsError, WiringError
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random, Wiring

EVERY = [
    pytest.param(lambda: Wiring(5), id="Wiring"),
    pytest.param(lambda: FullyConnected(5, 2), id="FullyConnected"),
    pytest.param(lambda: Random(9, 3, sparsity_level=0.5), id="Random"),
    pytest.param(lambda: NCP(4, 3, 2, 2, 2, 3, 2), id="NCP"),
    pytest.param(lambda: AutoNCP(12, 3), id="AutoNCP"),
    pytest.param(lambda: Wiring.from_adjacency(np.eye(3)), id="from_adjacency"),
    pytest.param(lambda: LegacyRing(6), id="subclass"),
]


class LegacyRing(Wiring):
    """A subclass as users of ncps 1.0.1 write it."""

    def __init__(self, units, output_dim=2, seed=3):
        super().__init__(units)
        self.set_output_dim(output_dim)
        self.rng = np.random.default_rng(seed)
        for src in range(units):
            self.add_synapse(src, (src + 1) % units, self.rng.choice([-1, 1]))

    @property
    def num_layers(self):
        return 2

    def get_neurons_of_layer(self, layer_id):
        if layer_id == 0:
            return list(range(self.output_dim, self.units))
        return list(range(self.output_dim))

    def build(self, input_shape):
        super().build(input_shape)
        for src in range(self.input_dim):
            self.add_sensory_synapse(src, src % self.units, self.rng.choice([-1, 1]))


def matrices(wiring: Wiring) -> tuple[Any, Any]:
    return wiring.adjacency_matrix.tolist(), wiring.sensory_erev_initializer().tolist()


@pytest.mark.parametrize("make", EVERY)
def test_building_again_for_the_same_size_changes_nothing(make: Any) -> None:
    wiring = make()
    wiring.build(4)
    before = matrices(wiring)
    wiring.build(4)
    assert matrices(wiring) == before


@pytest.mark.parametrize("make", EVERY)
def test_building_for_another_size_says_what_to_do(make: Any) -> None:
    wiring = make()
    wiring.build(4)
    with pytest.raises(WiringError, match=r"input_dim 4, got 5\. Use wiring\.built\(5\)"):
        wiring.build(5)
    assert wiring.input_dim == 4


@pytest.mark.parametrize("make", EVERY)
def test_built_leaves_the_wiring_alone_and_builds_the_same_circuit(make: Any) -> None:
    shared, alone = make(), make()
    first, second = shared.built(3), shared.built(7)
    assert not shared.is_built()
    assert shared == make()
    alone.build(3)
    assert matrices(first) == matrices(alone)
    assert first.sensory_erev_initializer().shape == (3, shared.units)
    assert second.sensory_erev_initializer().shape == (7, shared.units)
    assert type(first) is type(shared)


@pytest.mark.parametrize("make", EVERY)
def test_built_wiring_gives_itself_or_a_copy_for_other_inputs(make: Any) -> None:
    wiring = make()
    wiring.build(3)
    assert wiring.built(3) is wiring
    assert wiring.built(7) == make().built(7)
    assert wiring.input_dim == 3


@pytest.mark.parametrize("make", EVERY)
def test_built_wiring_is_frozen(make: Any) -> None:
    wiring = make().built(3)
    before = matrices(wiring)
    with pytest.raises(WiringError, match=r"is built, so its synapses cannot change\. Add them"):
        wiring.add_synapse(0, 0, 1)
    with pytest.raises(WiringError, match="is built, so its synapses cannot change"):
        wiring.add_sensory_synapse(0, 0, 1)
    for matrix in (wiring.adjacency_matrix, wiring.sensory_adjacency_matrix):
        with pytest.raises(ValueError, match="read-only"):
            matrix[0, 0] = 1
    for name in ("units", "input_dim", "output_dim", "adjacency_matrix"):
        with pytest.raises(WiringError, match=f"so {name} cannot change"):
            setattr(wiring, name, 1)
    with pytest.raises(WiringError, match="cannot change"):
        wiring.set_input_dim(9)
    assert matrices(wiring) == before


@pytest.mark.parametrize("make", EVERY)
@pytest.mark.parametrize("again", [copy.deepcopy, lambda w: pickle.loads(pickle.dumps(w))])
def test_copies_are_equal_and_as_frozen(make: Any, again: Any) -> None:
    unbuilt = again(make())
    assert unbuilt == make()
    assert unbuilt.built(3) == make().built(3)
    built = again(make().built(3))
    assert built == make().built(3)
    assert not built.adjacency_matrix.flags.writeable
    assert not built.sensory_adjacency_matrix.flags.writeable


@pytest.mark.parametrize("make", EVERY)
def test_equal_wirings_have_equal_hashes_which_building_keeps(make: Any) -> None:
    wiring, other = make(), make()
    assert hash(wiring) == hash(other)
    wiring.build(3)
    assert wiring != other
    assert hash(wiring) == hash(other.built(3))
    assert len({wiring, make().built(3), make().built(4)}) == 2


def test_unbuilt_wirings_differ_by_any_argument() -> None:
    assert AutoNCP(12, 3) != AutoNCP(12, 3, seed=1)
    assert AutoNCP(12, 3) != AutoNCP(12, 3, sparsity_level=0.4)
    assert FullyConnected(5) != FullyConnected(5, erev_init_seed=2)
    assert Random(5) != FullyConnected(5)
    assert LegacyRing(6) != LegacyRing(6, seed=4)
    assert Wiring(5) != 5


@pytest.mark.parametrize("generator", [np.random.default_rng, np.random.RandomState])
def test_unbuilt_wirings_differ_by_the_state_of_their_generators(generator: Any) -> None:
    class Later(Wiring):
        def __init__(self, seed):
            super().__init__(3)
            self.rng = generator(seed)

    assert Later(1) == Later(1)
    assert Later(1) != Later(2)


def test_built_wirings_are_equal_when_they_are_the_same_circuit() -> None:
    ncp = AutoNCP(12, 3).built(4)
    plain = Wiring.from_adjacency(
        ncp.adjacency_matrix,
        ncp.sensory_adjacency_matrix,
        [ncp.get_neurons_of_layer(i) for i in range(3)],
    )
    assert plain == ncp
    assert hash(plain) == hash(ncp)
    one_layer = Wiring.from_adjacency(
        ncp.adjacency_matrix, ncp.sensory_adjacency_matrix, output_dim=3
    )
    assert one_layer != ncp


def test_legacy_subclass_builds_in_place_and_is_frozen_when_its_build_returns() -> None:
    wiring = LegacyRing(6)
    wiring.build(4)
    assert wiring.synapse_count == 6
    assert wiring.sensory_synapse_count == 4
    assert wiring.num_layers == 2
    assert not wiring.sensory_adjacency_matrix.flags.writeable


def test_subclass_of_a_subclass_is_frozen_by_the_outermost_build() -> None:
    class More(LegacyRing):
        def build(self, input_shape):
            super().build(input_shape)
            self.add_sensory_synapse(0, 5, 1)

    assert More(6).built(4).sensory_adjacency_matrix[0, 5] == 1
    assert More(6).built(4).sensory_synapse_count == 5


def test_build_of_a_mixin_is_part_of_building() -> None:
    class Mixin:
        def build(self, input_dim):
            super().build(input_dim)
            self.add_sensory_synapse(0, 1, -1)

    class Mixed(Mixin, Wiring):
        pass

    wiring = Mixed(3).built(2)
    assert wiring.sensory_adjacency_matrix[0, 1] == -1
    assert not wiring.sensory_adjacency_matrix.flags.writeable


def test_failed_build_changes_nothing() -> None:
    class Fails(LegacyRing):
        broken = True

        def build(self, input_shape):
            super().build(input_shape)
            if self.broken:
                raise RuntimeError("half way")

    wiring = Fails(6)
    with pytest.raises(RuntimeError, match="half way"):
        wiring.build(4)
    assert wiring == Fails(6)
    assert not wiring.is_built()
    Fails.broken = False
    assert matrices(wiring.built(4)) == matrices(LegacyRing(6).built(4))


def test_build_without_super_says_what_to_do() -> None:
    class Forgets(Wiring):
        def build(self, input_dim):
            pass

    with pytest.raises(WiringError, match=r"got None\. Call super\(\)\.build\(input_dim\) first"):
        Forgets(3).build(2)


def test_layers_that_miss_a_neuron_are_refused() -> None:
    class Short(Wiring):
        def get_neurons_of_layer(self, layer_id):
            return [0, 1, 1]

    with pytest.raises(WiringError, match=r"missing \[2\], repeated \[1\], unknown \[\]"):
        Short(3).build(2)


def test_sensory_synapses_can_be_added_by_hand_before_build() -> None:
    wiring = Wiring(3)
    with pytest.raises(WiringError, match=r"got none\. Call wiring\.build\(input_dim\) first"):
        wiring.add_sensory_synapse(0, 0, 1)
    wiring.set_input_dim(2)
    assert wiring.is_built()
    wiring.add_sensory_synapse(1, 2, -1)
    with pytest.raises(WiringError, match=r"has sensory synapses for input_dim 2, got 3\. Feed 2"):
        wiring.build(3)
    wiring.build(2)
    assert wiring.sensory_adjacency_matrix.tolist() == [[0, 0, 0], [0, 0, -1]]
    assert wiring.output_dim == 3


def test_synapse_counts_read_their_own_matrix() -> None:
    adjacency = [[0, -1, 0], [1, 0, 1], [0, 0, 0]]
    wiring = Wiring.from_adjacency(adjacency, [[1, 0, 0], [-1, -1, 0], [1, 1, 1]])
    assert wiring.synapse_count == 3
    assert wiring.sensory_synapse_count == 6
    assert isinstance(wiring.synapse_count, int)
    with pytest.raises(WiringError, match="expected its number of inputs"):
        _ = Wiring(3).sensory_synapse_count


def test_erev_initializers_are_copies() -> None:
    wiring = FullyConnected(4).built(2)
    inner, sensory = wiring.erev_initializer((4, 4), "float32"), wiring.sensory_erev_initializer()
    inner[:], sensory[:] = 0, 0
    assert wiring.synapse_count == 16
    assert wiring.sensory_synapse_count == 8


def test_returned_layers_are_copies() -> None:
    wiring = AutoNCP(12, 3)
    wiring.get_neurons_of_layer(0).clear()
    assert len(wiring.get_neurons_of_layer(0)) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.add_synapse(3, 0, 1), "src: expected an index from 0 to 2, got 3"),
        (lambda w: w.add_synapse(-1, 0, 1), "src: expected a whole number of at least 0, got -1"),
        (lambda w: w.add_synapse(0, 3, 1), "dest: expected an index from 0 to 2, got 3"),
        (lambda w: w.add_synapse(0, 1, 0), "polarity: expected -1 .* got 0. The sign"),
        (lambda w: w.add_sensory_synapse(2, 0, 1), "src: expected an index from 0 to 1, got 2"),
        (lambda w: w.add_sensory_synapse(0, 3, 1), "dest: expected an index from 0 to 2"),
        (lambda w: w.add_sensory_synapse(0, 0, 2), "polarity: expected -1"),
        (lambda w: w.set_output_dim(4), "output_dim: expected at most 3, .* got 4. Use more"),
        (lambda w: w.set_output_dim(0), "output_dim: expected a whole number of at least 1"),
        (lambda w: w.set_input_dim(0), "input_dim: expected a whole number of at least 1, got 0"),
        (lambda w: w.build(True), "input_dim: expected a whole number of at least 1, got True"),
        (lambda w: w.built((2,)), r"input_dim: expected a whole number .* got \(2,\)"),
        (lambda w: w.get_neurons_of_layer(1), "layer_id: expected an index from 0 to 0, got 1"),
        (lambda w: w.get_type_of_neuron(3), "neuron_id: expected an index from 0 to 2, got 3"),
    ],
)
def test_wrong_arguments_say_what_was_expected(change: Any, message: str) -> None:
    wiring = Wiring(3)
    wiring.set_input_dim(2)
    with pytest.raises(WiringError, match=message):
        change(wiring)
    assert wiring.synapse_count == wiring.sensory_synapse_count == 0
    assert issubclass(WiringError, ValueError)
    assert issubclass(WiringError, NcpsError)


@pytest.mark.parametrize("units", [0, -1, 2.5, "8", None, True])
def test_units_must_be_a_positive_whole_number(units: Any) -> None:
    with pytest.raises(WiringError, match="units: expected a whole number of at least 1"):
        Wiring(units)


def test_assigned_matrices_are_checked_when_built() -> None:
    wiring = Wiring(2)
    wiring.adjacency_matrix = np.array([[0.0, 0.5], [1.0, 0.0]])
    with pytest.raises(WiringError, match=r"got 0\.5 at \(0, 1\)\. Pass numpy\.sign"):
        wiring.build(1)
    wiring.adjacency_matrix = np.zeros((3, 3))
    with pytest.raises(WiringError, match=r"expected shape \(2, 2\), got shape \(3, 3\)"):
        wiring.build(1)


def test_numpy_integers_are_sizes_and_indices() -> None:
    wiring = Wiring(np.int64(3))
    wiring.set_output_dim(np.int32(1))
    wiring.build(np.int64(2))
    assert (wiring.units, wiring.output_dim, wiring.input_dim) == (3, 1, 2)
    assert all(type(n) is int for n in (wiring.units, wiring.output_dim, wiring.input_dim))


def test_repr_shows_the_size_of_the_circuit() -> None:
    expected = "FullyConnected(units=3, output_dim=1, input_dim=2, synapses=9)"
    assert repr(FullyConnected(3, 1).built(2)) == expected


def test_unbuilt_copy_can_be_built_for_other_inputs() -> None:
    built = AutoNCP(12, 3).built(4)
    copy = built.unbuilt()
    assert not copy.is_built()
    copy.build(7)
    assert copy == AutoNCP(12, 3).built(7)
    assert built.input_dim == 4


def test_unbuilt_copy_keeps_sensory_synapses_of_its_own() -> None:
    wiring = Wiring.from_adjacency(np.eye(2, dtype=int), sensory=[[1, -1]])
    assert wiring.unbuilt().input_dim == 1
