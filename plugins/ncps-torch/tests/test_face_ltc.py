"""`ncps.torch.LTC` and `LTCCell`, and what all sequences of `ncps.torch` share."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch

import ncps
from ncps.errors import ShapeError, UnknownNameError, WiringError
from ncps.testing import TOLERANCES
from ncps.torch import LTC, CfC, LTCCell
from ncps.wirings import NCP, AutoNCP, FullyConnected

BOTH = pytest.mark.parametrize("kind", [CfC, LTC])
BATCH, STEPS, FEATURES = 3, 5, 4


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


def test_order_of_options_is_that_of_the_original() -> None:
    layer = LTC(4, 6, False, False, True, "linear", None, 3, 1e-3, False)
    spec = layer.spec
    assert (spec.return_sequences, layer.batch_first, spec.mixed_memory) == (False, False, True)
    assert (spec.input_mapping, spec.output_mapping) == ("linear", None)
    assert (spec.ode_unfolds, spec.epsilon, spec.implicit_param_constraints) == (3, 1e-3, False)
    cell = LTCCell(FullyConnected(6), 4, None, "linear", 2, 1e-4, True).spec
    assert (cell.input_size, cell.input_mapping, cell.output_mapping) == (4, None, "linear")
    assert (cell.ode_unfolds, cell.epsilon, cell.implicit_param_constraints) == (2, 1e-4, True)


def test_only_the_cell_has_explicit_constraints_by_default() -> None:
    assert LTC(4, 6).spec.implicit_param_constraints
    assert not LTCCell(FullyConnected(6), 4).spec.implicit_param_constraints


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize(
    ("wiring", "outputs"), [(NCP(10, 10, 8, 6, 6, 4, 6), 8), (AutoNCP(28, 10), 10)]
)
@BOTH
def test_wired_layer_has_the_outputs_of_its_motor_neurons(
    kind: Any, wiring: Any, outputs: int, batch_first: bool
) -> None:
    layer = kind(FEATURES, wiring, batch_first=batch_first)
    readout, hx = layer(torch.randn(6, 2, FEATURES))
    assert readout.shape == (6, 2, outputs)
    assert hx.shape == (6 if batch_first else 2, 28)
    assert layer(torch.randn(STEPS, FEATURES))[0].shape == (STEPS, outputs)


def test_sizes_are_attributes() -> None:
    wiring = AutoNCP(12, 3)
    layer, cell = LTC(FEATURES, wiring), LTCCell(wiring)
    for one in (layer, cell):
        assert (one.state_size, one.sensory_size, one.motor_size, one.output_size) == (12, 4, 3, 3)
        assert one.synapse_count == wiring.synapse_count
        assert one.sensory_synapse_count == wiring.sensory_synapse_count
    assert (layer.input_size, layer.batch_first, layer.use_mixed) == (FEATURES, True, False)


@BOTH
def test_return_sequences_may_be_set_afterwards(kind: Any) -> None:
    layer, x = kind(FEATURES, 6), torch.randn(BATCH, STEPS, FEATURES)
    whole = layer(x)[0]
    layer.return_sequences = False
    torch.testing.assert_close(layer(x)[0], whole[:, -1])


@BOTH
@pytest.mark.parametrize("time_first", [False, True])
def test_times_of_all_rows_come_in_every_form(kind: Any, time_first: bool) -> None:
    layer, x = kind(FEATURES, 6, batch_first=not time_first), torch.randn(BATCH, STEPS, FEATURES)
    x = x.transpose(0, 1) if time_first else x
    dt = torch.rand(STEPS) + 0.1
    expected = layer(x, timespans=dt)
    lead = dt[:, None] if time_first else dt[None]
    rows = lead.expand(STEPS, BATCH) if time_first else lead.expand(BATCH, STEPS)
    for form in (lead, lead[..., None], rows, rows[..., None], dt.tolist(), rows.numpy()):
        torch.testing.assert_close(layer(x, timespans=form), expected)
    half = layer(x, timespans=torch.full_like(rows, 0.5))
    torch.testing.assert_close(layer(x, timespans=0.5), half)


def test_wrong_times_are_shown_as_they_came() -> None:
    layer, x = LTC(FEATURES, 6, batch_first=False), torch.randn(STEPS, BATCH, FEATURES)
    message = r"batch_first=False expected timespans \(5, 3\), got \(3, 5\)\. Pass one"
    with pytest.raises(ShapeError, match=message):
        layer(x, timespans=torch.rand(BATCH, STEPS))
    with pytest.raises(ShapeError, match=r"expected timespans \(3, 5\), got \(3, 4\)"):
        LTC(FEATURES, 6)(x.transpose(0, 1), timespans=torch.rand(BATCH, STEPS - 1))


def test_wrong_states_and_options_say_what_was_expected() -> None:
    x, h = torch.randn(BATCH, STEPS, FEATURES), torch.zeros(BATCH, 6)
    with pytest.raises(ShapeError, match=r"expected state h \(3, 6\), got \(3, 6\), \(3, 6\)"):
        LTC(FEATURES, 6)(x, (h, h))
    with pytest.raises(ShapeError, match=r"expected state h \(3, 6\), c \(3, 6\), got \(3, 6\)\."):
        LTC(FEATURES, 6, mixed_memory=True)(x, h)
    with pytest.raises(UnknownNameError, match="unknown LTC input_mapping 'none'"):
        LTC(FEATURES, 6, input_mapping="none")


def test_unbuilt_wiring_is_built_in_place_or_by_the_first_call() -> None:
    wiring = AutoNCP(12, 3)
    LTCCell(wiring, FEATURES)
    assert wiring.is_built()
    with pytest.raises(WiringError):
        LTC(FEATURES + 1, wiring)
    cell = LTCCell(AutoNCP(12, 3))
    assert cell.sensory_size is None
    cell(torch.randn(BATCH, FEATURES), torch.zeros(BATCH, 12))
    assert cell.sensory_synapse_count == wiring.sensory_synapse_count


def test_cell_takes_one_or_each_rows_time() -> None:
    cell = LTCCell(AutoNCP(12, 3), FEATURES)
    x, v = torch.randn(BATCH, FEATURES), torch.randn(BATCH, 12)
    expected = cell(x, v, 0.5)
    for form in (torch.tensor([[0.5]]), torch.full((BATCH,), 0.5), torch.full((BATCH, 1), 0.5)):
        torch.testing.assert_close(cell(x, v, elapsed_time=form), expected)
    torch.testing.assert_close(cell(x, v), cell(x, v, 1.0))


@pytest.mark.parametrize("mixed_memory", [False, True])
def test_copies_compute_the_same_and_the_layer_moves_to_numpy(mixed_memory: bool) -> None:
    layer = LTC(FEATURES, AutoNCP(12, 3), mixed_memory=mixed_memory, batch_first=False)
    x = torch.randn(STEPS, BATCH, FEATURES)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(again(x), layer(x), rtol=0, atol=0)
    other = ncps.create(layer.spec, technology="numpy")
    ncps.load_parameters(other, ncps.parameters(layer))
    y = torch.from_numpy(other(x.transpose(0, 1).numpy())[0]).float()
    torch.testing.assert_close(layer(x)[0].transpose(0, 1), y, **TOLERANCES["float32"].values)
