"""The dialect of ncps 1.0.1 for Keras in the specs of CfC and LTC."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ncps import specs
from ncps.errors import NcpsError
from ncps.wirings import AutoNCP

OLD = {"dialect": "ncps-1.0-keras"}
MEMORY = {**OLD, "mixed_memory": True}


@pytest.mark.parametrize(
    ("layer", "options", "message"),
    [
        ("CfC", {"dialect": "ncps-1.0-kears"}, r"CfC dialect .* Did you mean 'ncps-1.0-keras'"),
        ("LTCCell", {"dialect": None}, r"unknown LTCCell dialect None"),
        ("CfCCell", {**OLD, "units": AutoNCP(8, 2), "wiring_mode": "strict"},
         r"CfCCell expected wiring_mode='ncps-1.0' beside dialect='ncps-1.0-keras', got 'strict'"),
    ],
)  # fmt: skip
def test_bad_option_is_named(layer: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(NcpsError, match=message):
        specs.build(layer, **{"units": 4, **options})


@pytest.mark.parametrize("layer", ["CfC", "CfCCell", "LTC", "LTCCell"])
def test_config_keeps_the_dialect_and_one_without_it_has_ours(layer: str) -> None:
    spec = specs.build(layer, units=AutoNCP(8, 2), input_size=3, **MEMORY)
    config = json.loads(json.dumps(spec.to_config()))
    assert specs.from_config(config) == spec
    del config["dialect"], config["mixed_memory"]
    # the wiring of the old one reads the memory, and is not for three inputs
    del config["units"]
    assert type(spec).from_config({**config, "units": 8}).dialect == "ncps"


@pytest.mark.parametrize("units", [8, AutoNCP(8, 2)])
def test_neurons_behind_a_memory_read_as_many_values_as_it_has(units: Any) -> None:
    cfc = specs.CfC(units=units, input_size=3, **MEMORY)
    shapes = {p.name: p.shape for p in cfc.parameters()}
    assert shapes["memory.input_gate.kernel"] == (3, 8)
    assert cfc.blocks[0].input_size == 8
    ltc = specs.LTC(units=units, input_size=3, **MEMORY)
    shapes = {p.name: p.shape for p in ltc.parameters()}
    assert shapes["memory.input_gate.kernel"] == (3, 8)
    assert shapes["sensory_w"] == (8, 8)
    assert shapes["input_w"] == (8,)
    assert ltc.masks.sensory.shape == (8, 8)


def test_input_size_of_a_wiring_behind_a_memory_stays_open() -> None:
    spec = specs.CfC(units=AutoNCP(8, 2), **MEMORY)
    assert spec.input_size is None
    assert spec.with_input_size(3).input_size == 3


def test_masks_of_a_wired_cfc_have_the_signs_of_its_synapses() -> None:
    ours, old = (specs.CfC(units=AutoNCP(8, 2), input_size=3, **o) for o in ({}, OLD))
    wiring = AutoNCP(8, 2).built(3)
    first = wiring.get_neurons_of_layer(0)
    for one, two in zip(ours.blocks, old.blocks, strict=True):
        assert one.mask is not None
        assert two.mask is not None
        np.testing.assert_array_equal(one.mask, np.abs(two.mask))
    assert old.blocks[0].mask is not None
    np.testing.assert_array_equal(old.blocks[0].mask[:3], wiring.sensory_adjacency_matrix[:, first])
