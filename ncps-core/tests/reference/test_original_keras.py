"""The dialect `ncps-1.0-keras`: with the same weights the outputs of ncps.keras 1.0.1."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ncps import specs, wirings
from ncps.conversion.tolerances import TOLERANCES
from ncps.reference import run

GOLDEN = dict(np.load(Path(__file__).with_name("golden_keras.npz")))
CASES = json.loads(str(GOLDEN.pop("cases")))
GATES = ("cell_gate", "input_gate", "forget_gate", "output_gate")
MEMORY = {"input_kernel": "kernel", "recurrent_kernel": "recurrent_kernel", "bias": "bias"}
Arrays = dict[str, np.ndarray]


def canonical(weights: Arrays, wired_cfc: bool) -> Arrays:
    """Canonical parameters from Keras' weights by their paths, in order."""
    out: Arrays = {}
    cells: list[str] = []
    for path, array in weights.items():
        *_, holder, name = path.split("/")
        if holder.startswith("mixed_memory") and name in MEMORY:
            parts = zip(GATES, np.split(array, 4, axis=-1), strict=True)
            out |= {f"memory.{gate}.{MEMORY[name]}": part for gate, part in parts}
            continue
        cell = re.search(r"cf_c_cell(_\d+)?(?=/(ff|time|w_tau|A))", path)
        if wired_cfc and cell and cell[0] not in cells:
            cells.append(cell[0])
        name = re.sub(r"^(ff\d)_", r"\1.", name).replace("weight", "kernel")
        if holder.startswith("backbone"):
            name = f"backbone.{holder.removeprefix('backbone')}.{name}"
        elif holder.startswith("time_"):
            name = f"{holder}.{name}"
        prefix = f"layer_{len(cells) - 1}." if wired_cfc else ""
        out[prefix + name] = array.reshape(-1) if name in ("w_tau", "A") else array
    return out


def spec_of(layer: str, given: dict[str, Any], features: int) -> specs.Spec:
    options = dict(given)
    if isinstance(options["units"], list):
        name, config = options["units"]
        options["units"] = getattr(wirings, name)(**config)
    if layer == "LTC":
        options["implicit_param_constraints"] = False
    return specs.build(layer, input_size=features, dialect="ncps-1.0-keras", **options)


@pytest.mark.parametrize("case", CASES)
def test_dialect_computes_what_the_original_computes(case: str) -> None:
    layer, options = CASES[case]
    golden = {k.removeprefix(f"{case}/"): v for k, v in GOLDEN.items() if k.startswith(f"{case}/")}
    spec = spec_of(layer, options, golden["x"].shape[-1])
    # in the order of the layer's weights: weights.<number>.<path>
    names = [k.split(".", 2) for k in golden if k.startswith("weights.")]
    paths = {path: golden[f"weights.{i}.{path}"] for _, i, path in names}
    p = canonical(paths, layer == "CfC" and isinstance(options["units"], list))
    assert {k: v.shape for k, v in p.items()} == {q.name: q.shape for q in spec.parameters()}

    states = [golden[f"state.{i}"] for i in range(len(spec.state_shapes()))]
    # the original has (c, h), here it is (h, c)
    y, last = run(spec, p, golden["x"], tuple(states[::-1]), golden["timespans"])
    tolerance = TOLERANCES["float32"].values
    np.testing.assert_allclose(y, golden["y"], **tolerance)
    last = last if isinstance(last, tuple) else (last,)
    for i, array in enumerate(last[::-1]):
        np.testing.assert_allclose(array, golden[f"last.{i}"], **tolerance)
