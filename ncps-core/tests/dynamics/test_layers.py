"""`LiquidCell`, `LiquidLayer`, `BackboneNetwork` and `StateManager`, on the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ncps
from ncps.conversion.tolerances import TOLERANCES
from ncps.dynamics import LIQUID, BackboneNetwork, LiquidCell, LiquidLayer, StateManager
from ncps.errors import NcpsError, ShapeError
from ncps.wirings import AutoNCP

PLACE = {"technology": "numpy"}
X = np.random.default_rng(0).normal(size=(3, 6, 2))
DT = np.random.default_rng(1).uniform(0.1, 1.0, size=(3, 6))


@pytest.mark.parametrize("kind", LIQUID)
def test_layer_of_a_cell_runs_that_cell_over_time(kind: str) -> None:
    cell = LiquidCell(kind, input_size=2, units=4, seed=3, **PLACE)
    layer = LiquidLayer(cell, return_sequences=False)
    assert (layer.spec.layer, layer.framework) == (kind, "numpy")
    assert not layer.spec.return_sequences
    state, y = None, None
    for t in range(X.shape[1]):
        y, state = cell(X[:, t], state, DT[:, t])
    got, last = layer(X, timespans=DT)
    np.testing.assert_allclose(got, y, **TOLERANCES["float64"].values)
    np.testing.assert_allclose(last, state, **TOLERANCES["float64"].values)


def test_layer_of_a_cell_keeps_its_own_parameters() -> None:
    cell = LiquidCell("CfC", input_size=2, units=AutoNCP(8, 2), seed=3, **PLACE)
    layer = LiquidLayer(cell)
    before = ncps.parameters(cell)
    ncps.load_parameters(layer, {k: 2 * v for k, v in before.items()})
    for name, value in ncps.parameters(cell).items():
        np.testing.assert_array_equal(value, before[name])


def test_layer_of_an_open_cell_is_open() -> None:
    layer = LiquidLayer(LiquidCell("LTC", units=3, **PLACE))
    assert not layer.built
    assert layer(X)[0].shape == (3, 6, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LiquidCell("GRU", units=3), r"unknown liquid layer 'GRU'.*Known: CTGRU, CTRNN"),
        (lambda: LiquidLayer("Cfc", units=3), r"unknown liquid layer 'Cfc'. Did you mean 'CfC'"),
        (lambda: LiquidLayer(7), r"the name of a kind or a liquid cell, got 7. Kinds: CTGRU"),
        (
            lambda: LiquidLayer(ncps.create("GRUCell", units=3, **PLACE)),
            r"or a liquid cell, got GRUCell",
        ),
        (lambda: BackboneNetwork(2, 3, layers=0), r"layers to be an integer >= 1, got 0"),
    ],
)
def test_what_is_not_liquid_is_named(make: Any, message: str) -> None:
    with pytest.raises(NcpsError, match=message):
        make()


def test_backbone_is_affine_maps_with_activations() -> None:
    network = BackboneNetwork(2, 4, layers=3, activation="tanh", seed=5, **PLACE)
    y = X
    for i in range(3):
        p = ncps.create("Dense", input_size=y.shape[-1], units=4, seed=5 + i, **PLACE)
        y = np.tanh(p(y))
    np.testing.assert_allclose(network(X), y, **TOLERANCES["float64"].values)
    assert BackboneNetwork(None, 4, layers=2, **PLACE)(X).shape == (3, 6, 4)


@pytest.fixture
def manager() -> StateManager:
    return StateManager(LiquidLayer("LTC", input_size=2, units=4, seed=0, **PLACE))


def test_pieces_of_a_stream_give_what_it_gives_whole(manager: StateManager) -> None:
    whole, end = manager.layer(X, timespans=DT)
    parts = [manager(X[:, part], timespans=DT[:, part]) for part in (np.s_[:2], np.s_[2:])]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    np.testing.assert_array_equal(manager.state(), end)


def test_streams_know_nothing_of_each_other(manager: StateManager) -> None:
    alone = manager(X, stream="left")
    manager(5 * X[:1], stream="right")
    manager.reset("left")
    np.testing.assert_array_equal(manager(X, stream="left"), alone)
    assert manager.streams == ("right", "left")
    manager.reset_all()
    assert manager.streams == ()
    assert manager.state("right") is None


def test_rows_that_are_reset_begin_again_and_others_go_on(manager: StateManager) -> None:
    first = manager(X)
    manager.set(np.where(np.arange(3)[:, None] == 1, np.nan, manager.state()))
    manager.reset(rows=[1])
    second = manager(X)
    np.testing.assert_array_equal(second[1], first[1])
    assert not np.any(second[::2] == first[::2])


def test_states_of_two_arrays_are_reset_and_detached_alike() -> None:
    layer = ncps.create("LTC", input_size=2, units=4, mixed_memory=True, seed=0, **PLACE)
    manager = StateManager(layer)
    first = manager(X)
    manager.detach()
    assert len(manager.state()) == 2
    manager.reset(rows=[0, 2])
    np.testing.assert_array_equal(manager(X)[::2], first[::2])


def test_rows_that_are_not_there_are_refused(manager: StateManager) -> None:
    manager(X)
    with pytest.raises(ShapeError, match=r"rows of a batch of 3, got \[1, 3\]"):
        manager.reset(rows=[1, 3])
    manager(X[0], stream="one")
    with pytest.raises(ShapeError, match="a stream without a batch is reset as a whole"):
        manager.reset("one", rows=[0])


@pytest.mark.parametrize("layer", ["Dense", "LTC"])
def test_a_layer_without_a_state_is_refused(layer: str) -> None:
    options: dict[str, Any] = {} if layer == "Dense" else {"return_state": False}
    with pytest.raises(ShapeError, match=f"a layer that returns a state, got {layer}"):
        StateManager(ncps.create(layer, units=3, **options, **PLACE))
