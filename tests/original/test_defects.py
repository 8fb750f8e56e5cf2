"""Defects of ncps 1.0.1's torch layers and wirings: the original has them, ours do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import original
import pytest

torch = pytest.importorskip("torch")
if original.PATH is None:
    pytest.skip("ORIGINAL_NCPS is not set", allow_module_level=True)

import ncps.torch  # noqa: E402
from ncps import wirings as our_wirings  # noqa: E402
from ncps.testing import TOLERANCES  # noqa: E402
from ncps.torch import LTC, CfC, LTCCell, WiredCfCCell  # noqa: E402

ORIGINAL = original.load(original.PATH)
OLD, OLD_WIRINGS = ORIGINAL.torch, ORIGINAL.wirings
BATCH, STEPS, FEATURES, UNITS = 3, 6, 5, 8
BOTH = [("CfC", CfC), ("LTC", LTC)]


def close(got: Any, expected: Any) -> None:
    torch.testing.assert_close(got, expected, **TOLERANCES["float32"].values)


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


def test_names_of_the_original_are_there() -> None:
    assert set(OLD.__all__) <= set(ncps.torch.__all__)
    assert set(OLD_WIRINGS.__dict__) & {"NCP", "AutoNCP", "Random", "FullyConnected", "Wiring"} <= {
        *dir(our_wirings)
    }


@pytest.mark.parametrize(("name", "ours"), BOTH)
@pytest.mark.parametrize("batch", [BATCH, UNITS])
def test_each_row_has_its_own_times(name: str, ours: Any, batch: int) -> None:
    """1.0.1 raises; with as many rows as neurons, it gives each neuron another row's time."""
    old, layer = getattr(OLD, name)(FEATURES, UNITS), ours(FEATURES, UNITS)
    layer.load_state_dict(old.state_dict())
    x, dt = torch.randn(batch, STEPS, FEATURES), torch.rand(batch, STEPS) + 0.1
    rows = torch.cat([old(x[i : i + 1], timespans=dt[i : i + 1])[0] for i in range(batch)])
    if batch == UNITS:
        assert not torch.allclose(old(x, timespans=dt)[0], rows)
    else:
        with pytest.raises(RuntimeError, match="must match the size"):
            old(x, timespans=dt)
    close(layer(x, timespans=dt)[0], rows)
    close(layer(x, timespans=dt[..., None])[0], rows)


@pytest.mark.parametrize(("name", "ours"), BOTH)
def test_sequence_without_steps_keeps_the_state(name: str, ours: Any) -> None:
    x, h = torch.zeros(BATCH, 0, FEATURES), torch.randn(BATCH, UNITS)
    with pytest.raises((RuntimeError, UnboundLocalError)):
        getattr(OLD, name)(FEATURES, UNITS)(x, h)
    y, hx = ours(FEATURES, UNITS)(x, h)
    assert y.shape == (BATCH, 0, UNITS)
    torch.testing.assert_close(hx, h, rtol=0, atol=0)


def test_no_time_leaves_an_ltc_as_it_is() -> None:
    old, layer = OLD.LTC(FEATURES, UNITS), LTC(FEATURES, UNITS)
    layer.load_state_dict(old.state_dict())
    x, h, dt = torch.randn(1, STEPS, FEATURES), torch.randn(1, UNITS), torch.zeros(1, STEPS)
    assert old(x, h, dt)[1].isnan().any()
    torch.testing.assert_close(layer(x, h, dt)[1], h, rtol=0, atol=0)


def test_layers_compute_in_bfloat16() -> None:
    """1.0.1's CfC raises, and its LTC goes on in float32."""
    x = torch.randn(BATCH, STEPS, FEATURES, dtype=torch.bfloat16)
    with pytest.raises(RuntimeError, match="dtype"):
        OLD.CfC(FEATURES, UNITS).bfloat16()(x)
    assert OLD.LTC(FEATURES, UNITS).bfloat16()(x)[0].dtype == torch.float32
    for kind in (CfC, LTC):
        assert kind(FEATURES, UNITS).bfloat16()(x)[0].dtype == torch.bfloat16


def replace(layer: Any, how: str, state: dict[str, Any]) -> Any:
    """A function that computes with other parameters, put in by one of torch's ways."""
    if how == "functional_call":
        return lambda x: torch.func.functional_call(layer, state, (x,))
    if how == "assign":
        layer.load_state_dict(state, assign=True)
    else:
        for name, _ in list(layer.rnn_cell.named_parameters()):
            value = torch.nn.Parameter(state[f"rnn_cell.{name}"], requires_grad=False)
            setattr(layer.rnn_cell, name, value)
    return layer


@pytest.mark.parametrize("how", ["functional_call", "assign", "assignment"])
def test_parameters_that_are_put_in_are_used(how: str) -> None:
    """1.0.1's LTC goes on with the tensors that it was made with."""
    x = torch.randn(BATCH, STEPS, FEATURES)
    source = OLD.LTC(FEATURES, UNITS)
    expected = source(x)[0]
    state = dict(source.state_dict())
    assert not torch.allclose(replace(OLD.LTC(FEATURES, UNITS), how, state)(x)[0], expected)
    own = {name: value for name, value in state.items() if not name.endswith("sparsity_mask")}
    close(replace(LTC(FEATURES, UNITS), how, own)(x)[0], expected)


def test_explicit_constraints_hold_without_a_call() -> None:
    wiring = our_wirings.FullyConnected(UNITS)
    old = OLD.LTCCell(OLD_WIRINGS.FullyConnected(UNITS), FEATURES)
    cell = LTCCell(wiring, FEATURES)
    outputs = []
    for one in (old, cell):
        with torch.no_grad():
            one.w.fill_(-0.4)
        torch.manual_seed(1)
        x, v = torch.randn(BATCH, FEATURES), torch.randn(BATCH, UNITS)
        before = one(x, v)[0]
        one.apply_weight_constraints()
        outputs.append((before, one(x, v)[0]))
    assert not torch.allclose(*outputs[0])
    torch.testing.assert_close(*outputs[1], rtol=0, atol=0)


def test_weight_at_its_bound_can_grow_again() -> None:
    layer = LTC(FEATURES, UNITS, implicit_param_constraints=False)
    with torch.no_grad():
        layer.rnn_cell.w.fill_(-0.4)
    layer.apply_weight_constraints()
    layer(torch.randn(BATCH, STEPS, FEATURES))[0].sum().backward()
    assert bool((layer.rnn_cell.w == 0).all())
    assert bool((layer.rnn_cell.w.grad != 0).any())


def test_synapses_are_counted_in_their_own_matrix() -> None:
    old, ours = OLD_WIRINGS.AutoNCP(16, 4), our_wirings.AutoNCP(16, 4)
    pairs = [
        (OLD.LTC(FEATURES, old), LTC(FEATURES, ours)),
        (OLD.LTCCell(old), LTCCell(ours)),
        (OLD.WiredCfCCell(None, old), WiredCfCCell(None, ours)),
    ]
    wanted = np.count_nonzero(ours.sensory_adjacency_matrix)
    for wrong, right in pairs:
        assert wrong.sensory_synapse_count == wrong.synapse_count == right.synapse_count
        assert right.sensory_synapse_count == wanted != right.synapse_count


def test_wiring_that_layers_share_stays_as_it_is() -> None:
    old, ours = OLD_WIRINGS.FullyConnected(UNITS), our_wirings.FullyConnected(UNITS)
    OLD.LTC(FEATURES, old)
    before = old.sensory_adjacency_matrix.copy()
    OLD.LTC(FEATURES, old)
    assert not np.array_equal(old.sensory_adjacency_matrix, before)
    first = LTC(FEATURES, ours)
    np.testing.assert_array_equal(ours.sensory_adjacency_matrix, before)
    second = LTC(FEATURES, ours)
    torch.testing.assert_close(first.rnn_cell.sensory_erev, second.rnn_cell.sensory_erev)
    np.testing.assert_array_equal(ours.sensory_adjacency_matrix, before)


def test_config_of_an_ncp_makes_the_ncp_again() -> None:
    arguments = (10, 10, 8, 6, 6, 4, 6)
    old = OLD_WIRINGS.NCP(*arguments)
    with pytest.raises(TypeError):
        OLD_WIRINGS.NCP.from_config(old.get_config())
    ours = our_wirings.NCP(*arguments)
    again = our_wirings.NCP.from_config(ours.get_config())
    untouched = OLD_WIRINGS.NCP(*arguments)
    for wiring in (old, ours, again, untouched):
        wiring.build(FEATURES)
    assert not np.array_equal(old.sensory_adjacency_matrix, untouched.sensory_adjacency_matrix)
    for wiring in (ours, again):
        np.testing.assert_array_equal(wiring.adjacency_matrix, untouched.adjacency_matrix)
        np.testing.assert_array_equal(
            wiring.sensory_adjacency_matrix, untouched.sensory_adjacency_matrix
        )


def test_backbone_of_one_layer_has_the_dropout_that_was_asked_for() -> None:
    x, options = torch.randn(BATCH, STEPS, FEATURES), {"backbone_dropout": 0.5}
    old, layer = OLD.CfC(FEATURES, UNITS, **options), CfC(FEATURES, UNITS, **options)
    layer.load_state_dict(old.state_dict())
    assert torch.equal(old(x)[0], old(x)[0])
    assert not torch.equal(layer(x)[0], layer(x)[0])
    close(layer.eval()(x)[0], old.eval()(x)[0])
