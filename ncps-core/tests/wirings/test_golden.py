"""The matrices of ncps 1.0.1, bit for bit: golden.json is what make_golden.py wrote there."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

import ncps.wirings

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "golden.json").read_text())


def load_generator() -> Any:
    spec = importlib.util.spec_from_file_location("make_golden", HERE / "make_golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_golden = load_generator()


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda g: f"{g['class']}-{g['options']}")
def test_wirings_are_those_of_the_original(golden: dict[str, Any]) -> None:
    ours = make_golden.record(ncps.wirings, golden["class"], golden["options"], golden["inputs"])
    assert ours == golden


def test_golden_file_covers_the_cases_of_its_script() -> None:
    cases = [(g["class"], g["options"], g["inputs"]) for g in GOLDEN]
    assert cases == [tuple(case) for case in make_golden.CASES]


@pytest.mark.parametrize("golden", GOLDEN[::7], ids=lambda g: f"{g['class']}-{g['options']}")
def test_built_copy_is_the_same_circuit_as_building_in_place(golden: dict[str, Any]) -> None:
    wiring = getattr(ncps.wirings, golden["class"])(**golden["options"])
    wiring.built(golden["inputs"] + 1)
    copy = wiring.built(golden["inputs"])
    assert make_golden.digest(copy.adjacency_matrix) == golden["adjacency"]
    assert make_golden.digest(copy.sensory_adjacency_matrix) == golden["sensory"]
    assert not wiring.is_built()
    assert make_golden.digest(wiring.adjacency_matrix) == golden["before"]
