"""ModuleList and ModuleDict: names, JSON, what is refused, comparing, the technology numpy."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import ncps
from ncps import specs
from ncps.errors import SpecError

DENSE = ("Dense", {"input_size": 3, "units": 4})
CELL = ("LSTMCell", {"input_size": 3, "units": 5})
POOL = ("GlobalMaxPool1D", {})


def test_names_are_those_of_the_layers_behind_place_or_name() -> None:
    inner = specs.ModuleList(layers=[POOL, DENSE])
    spec = specs.ModuleDict(layers={"encoder": DENSE, "heads": inner})
    names = [p.name for p in spec.parameters()]
    assert names == ["encoder.kernel", "encoder.bias", "heads.1.kernel", "heads.1.bias"]
    assert not spec.is_open
    assert spec.state_shapes() == ()


@pytest.mark.parametrize(
    "spec",
    [
        specs.ModuleList(layers=[DENSE, CELL, "Flatten"]),
        specs.ModuleDict(layers={"b": DENSE, "a": CELL, "en-de": "Flatten"}),
        specs.ModuleDict(layers={"deep": ("ModuleList", {"layers": [DENSE]})}),
    ],
)
def test_collection_comes_back_from_json_in_order(spec: specs.CollectionSpec) -> None:
    again = specs.from_config(json.loads(json.dumps(spec.to_config())))
    assert again == spec
    assert hash(again) == hash(spec)
    assert list(again.members()) == list(spec.members())  # type: ignore[attr-defined]


def test_layer_inside_keeps_what_it_returns() -> None:
    alone = ("LSTM", {"input_size": 3, "units": 5, "return_state": False})
    assert specs.ModuleList(layers=[alone]).layers[0].return_state is False


@pytest.mark.parametrize(
    ("layer", "layers", "message"),
    [
        ("ModuleList", [], "a list of one layer or more"),
        ("ModuleDict", {}, "a dict of one layer or more"),
        ("ModuleDict", "Dense", "a dict of one layer or more"),
        ("ModuleList", [DENSE, ("Dense", {"units": 4})], "layer 1 to know its input_size"),
        ("ModuleList", [np.tanh], "layer 0 as a spec, a layer's name"),
        ("ModuleDict", {"a.b": DENSE}, "begin with a letter, have no dot .* got 'a.b'"),
        ("ModuleDict", {"0": DENSE}, "got '0'"),
        ("ModuleDict", {"_own": DENSE}, "got '_own'"),
        ("ModuleDict", {"training": DENSE}, "got 'training'"),
        ("ModuleDict", {1: DENSE}, "got 1"),
        ("ModuleDict", [("a", DENSE), ("a", CELL)], r"got two as \['a'\]"),
    ],
)
def test_layers_that_cannot_be_kept_are_refused(layer: str, layers: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        specs.build(layer, layers=layers)


def test_container_that_is_called_takes_no_collection() -> None:
    inner = specs.ModuleList(layers=[DENSE])
    with pytest.raises(SpecError, match="layer 0 to take an input, got ModuleList"):
        specs.Sequential(layers=[inner])


def test_whatever_needs_an_input_is_refused() -> None:
    layer = ncps.create("ModuleList", layers=[DENSE], technology="numpy")
    x = np.zeros((2, 3))
    uses = [layer, layer.build, layer.compute_output_shape, lambda x: ncps.record(layer, x)]
    for use in [*uses, lambda x: ncps.compare(layer, layer, x)]:
        with pytest.raises(SpecError, match="its layers to be called one by one"):
            use(x)


def test_comparison_names_the_layer_that_differs() -> None:
    one, two = (
        ncps.create("ModuleDict", layers={"a": DENSE, "b": CELL}, technology="numpy", seed=1)
        for _ in range(2)
    )
    assert ncps.compare(one, two).within
    values = ncps.parameters(two)
    values["b.forget_gate.bias"] += 1.0
    ncps.load_parameters(two, values)
    found = {d.name: d.within for d in ncps.compare(one, two).differences}
    assert found == {"a.y": True, "b.y": False, "b.h": False, "b.c": False}
