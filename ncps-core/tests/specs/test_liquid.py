"""The specs of RNN, GRU, LTC, CTRNN and NCPDense, and the strict wiring of CfC."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ncps import specs
from ncps.errors import BuildError, NcpsError
from ncps.wirings import NCP, AutoNCP, FullyConnected, Wiring

STRICT = {"wiring_mode": "strict", "input_size": 2}
SKIP = Wiring.from_adjacency(np.eye(3, k=2, dtype=int), layers=[[0], [1], [2]])
BACK = Wiring.from_adjacency(np.eye(3, k=-1, dtype=int), layers=[[0], [1], [2]])
DEEP = Wiring.from_adjacency(np.eye(2, k=1, dtype=int), [[1, 1]], layers=[[0], [1]])


@pytest.mark.parametrize(
    ("layer", "options", "message"),
    [
        ("RNN", {"activation": "gelu"}, r"unknown RNN activation 'gelu'.* Known: relu, tanh"),
        ("RNNCell", {"units": 0}, r"RNNCell expected units to be an integer >= 1, got 0"),
        ("RNN", {"use_bias": None}, r"RNN expected use_bias to be True or False, got None"),
        ("GRU", {"reset_after": 1}, r"GRU expected reset_after to be True or False, got 1"),
        ("GRU", {"num_layers": 0}, r"GRU expected num_layers to be an integer >= 1, got 0"),
        ("LSTM", {"bidirectional": "yes"}, r"bidirectional to be True or False, got 'yes'"),
        ("GRUCell", {"num_layers": 2}, r"unknown option of GRUCell 'num_layers'"),
        ("LTC", {"input_mapping": "affin"}, r"LTC input_mapping 'affin'. Did you mean 'affine'"),
        ("LTC", {"ode_unfolds": 0}, r"LTC expected ode_unfolds to be an integer >= 1, got 0"),
        ("LTC", {"epsilon": -1e-8}, r"LTC expected epsilon to be a number >= 0, got -1e-08"),
        ("LTC", {"epsilon": float("nan")}, r"epsilon to be a number >= 0, got nan"),
        ("LTC", {"implicit_param_constraints": 0}, r"implicit_param_constraints to be True or"),
        ("LTCCell", {"mixed_memory": 2}, r"LTCCell expected mixed_memory to be True or False"),
        ("CTRNN", {"activation": "silu"}, r"unknown CTRNN activation 'silu'"),
        ("CTRNNCell", {"ode_unfolds": 1.5}, r"ode_unfolds to be an integer >= 1, got 1.5"),
        ("NCPDense", {"use_signs": 1}, r"NCPDense expected use_signs to be True or False, got 1"),
        ("NCPDense", {"activation": "rleu"}, r"Did you mean 'relu'\?"),
        ("CfC", {"wiring_mode": "strickt"}, r"CfC wiring_mode 'strickt'. Did you mean 'strict'"),
        ("CfC", STRICT, r"CfC expected a wiring beside wiring_mode='strict', got units=4"),
        ("CfC", {**STRICT, "units": AutoNCP(8, 2), "mixed_memory": True}, r"no mixed_memory"),
        ("CfC", {**STRICT, "units": SKIP}, r"neuron 0 of layer 0 → neuron 2 of layer 2"),
        ("CfCCell", {**STRICT, "units": BACK}, r"neuron 1 of layer 1 → neuron 0 of layer 0"),
        ("CfC", {**STRICT, "input_size": 1, "units": DEEP}, r"input 0 → neuron 1 of layer 1"),
        ("LTC", {"input_size": 1, "units": DEEP, "bidirectional": True, "num_layers": 2},
         r"LTC with num_layers=2 feeds 2 features to layer 1, and its wiring does not take them"),
    ],
)  # fmt: skip
def test_bad_option_is_named(layer: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(NcpsError, match=message):
        specs.build(layer, **{"units": 4, **options})


def test_ltc_starts_in_the_ranges_of_the_original() -> None:
    p = specs.LTC(input_size=7, units=200).initial_parameters(0)
    ranges = {
        "gleak": (0.001, 1.0),
        "vleak": (-0.2, 0.2),
        "cm": (0.4, 0.6),
        "w": (0.001, 1.0),
        "sigma": (3.0, 8.0),
        "mu": (0.3, 0.8),
    }
    ranges |= {f"sensory_{k}": ranges[k] for k in ("w", "sigma", "mu")}
    for name, (low, high) in ranges.items():
        assert low <= p[name].min() < p[name].max() <= high
        # a uniform draw fills its range
        assert np.ptp(p[name]) > 0.95 * (high - low)
    for name, value in {"input_w": 1, "input_b": 0, "output_w": 1, "output_b": 0}.items():
        assert np.all(p[name] == value)


def test_a_number_of_units_is_a_fully_connected_wiring() -> None:
    plain = specs.LTC(input_size=3, units=5)
    wired = specs.LTC(input_size=3, units=FullyConnected(5))
    assert plain.wiring == wired.wiring
    first, second = plain.initial_parameters(2), wired.initial_parameters(2)
    assert all(np.array_equal(first[k], second[k]) for k in first)
    assert specs.NCPDense(input_size=3, units=5).masks.sensory.all()
    assert specs.CTRNN(input_size=3, units=5).masks is None


def test_masks_are_the_wiring_s_synapses_and_read_only() -> None:
    wiring = AutoNCP(12, 3).built(4)
    masks = specs.LTCCell(input_size=4, units=wiring).masks
    np.testing.assert_array_equal(masks.inner, np.abs(wiring.adjacency_matrix))
    np.testing.assert_array_equal(masks.sensory, np.abs(wiring.sensory_adjacency_matrix))
    with pytest.raises(ValueError, match="read-only"):
        masks.inner[0, 0] = 1.0


def test_spec_does_not_see_synapses_that_are_added_later() -> None:
    wiring = Wiring(3)
    wiring.set_output_dim(1)
    spec = specs.CTRNN(units=wiring)
    wiring.add_synapse(0, 1, 1)
    assert spec.units.synapse_count == 0


def test_masks_need_the_input_size() -> None:
    with pytest.raises(BuildError, match="CTRNN is not built"):
        _ = specs.CTRNN(units=AutoNCP(8, 2)).masks


def test_strict_cfc_masks_what_the_original_leaves_dense() -> None:
    wiring = NCP(6, 4, 2, 3, 2, 3, 2, seed=1).built(5)
    loose = specs.CfC(input_size=5, units=wiring).blocks
    strict = specs.CfC(input_size=5, units=wiring, wiring_mode="strict").blocks
    for i, (a, b) in enumerate(zip(loose, strict, strict=True)):
        own = wiring.get_neurons_of_layer(i)
        assert a.mask is not None
        assert b.mask is not None
        np.testing.assert_array_equal(b.mask[: a.input_size], a.mask[: a.input_size])
        inner = np.abs(wiring.adjacency_matrix[np.ix_(own, own)])
        np.testing.assert_array_equal(b.mask[b.input_size :], inner)
        assert a.time_mask is None
        assert b.time_mask is b.mask
    # NCP connects command neurons among themselves: strict keeps just those synapses
    assert 0 < strict[1].mask[6:].sum() < 16


def test_modes_of_the_wiring_share_shapes_and_first_values() -> None:
    loose = specs.CfC(input_size=5, units=AutoNCP(12, 3)).initial_parameters(4)
    strict = specs.CfC(input_size=5, units=AutoNCP(12, 3), wiring_mode="strict")
    assert all(np.array_equal(loose[k], v) for k, v in strict.initial_parameters(4).items())


def test_gru_has_the_candidate_s_recurrent_bias_only_where_it_acts() -> None:
    def names(**options: Any) -> set[str]:
        return {p.name for p in specs.GRU(input_size=2, units=3, **options).parameters()}

    gates = ("reset_gate", "update_gate", "new_gate")
    biases = {f"{gate}.bias" for gate in gates}
    assert names() - names(reset_after=False) == {"new_gate.recurrent_bias"}
    assert names() - names(use_bias=False) == {"new_gate.recurrent_bias", *biases}


def test_config_without_the_newer_options_still_reads() -> None:
    config = specs.CfC(input_size=2, units=3).to_config()
    for option in ("wiring_mode", "bidirectional", "num_layers"):
        del config[option]
    assert specs.from_config(config) == specs.CfC(input_size=2, units=3)
