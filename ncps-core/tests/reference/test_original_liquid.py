"""The reference beside the originals: LTC as ncps 1.0.1, RNN, GRU and LSTM as torch.nn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ncps import specs, wirings
from ncps.conversion.tolerances import TOLERANCES
from ncps.reference import run

Arrays = dict[str, np.ndarray]
TOLERANCE = TOLERANCES["float32"].values
MEMORY = ("cell_gate", "input_gate", "forget_gate", "output_gate")
GATES = {
    "RNN": ("",),
    "GRU": ("reset_gate.", "update_gate.", "new_gate."),
    "LSTM": ("input_gate.", "forget_gate.", "cell_gate.", "output_gate."),
}


def golden(name: str) -> tuple[dict[str, Any], Arrays]:
    arrays = dict(np.load(Path(__file__).with_name(name)))
    return json.loads(str(arrays.pop("cases"))), arrays


LTC_CASES, LTC_ARRAYS = golden("golden_ltc.npz")
TORCH_CASES, TORCH_ARRAYS = golden("golden_torch.npz")


def part(arrays: Arrays, prefix: str) -> Arrays:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def numbered(arrays: Arrays, name: str) -> list[np.ndarray]:
    return [arrays[k] for k in sorted(arrays) if k.startswith(f"{name}.")]


def expect(spec: specs.Spec, p: Arrays, case: Arrays, state: Any, last: Any) -> None:
    assert {k: v.shape for k, v in p.items()} == {q.name: q.shape for q in spec.parameters()}
    y, end = run(spec, p, case["x"], state, case["timespans"])
    np.testing.assert_allclose(y, case["y"], **TOLERANCE)
    for got, expected in zip(end if isinstance(end, tuple) else (end,), last, strict=True):
        np.testing.assert_allclose(got, expected, **TOLERANCE)


def ltc_options(case: str) -> dict[str, Any]:
    options = dict(LTC_CASES[case])
    if isinstance(options["units"], list):
        name, config = options["units"]
        options["units"] = getattr(wirings, name)(**config)
    return options


def ltc_parameters(weights: Arrays) -> Arrays:
    """Canonical parameters from those of ncps 1.0.1."""
    out = {}
    for name, array in weights.items():
        if not name.startswith("lstm."):
            out[name.removeprefix("rnn_cell.")] = array
            continue
        kind = "recurrent_kernel" if "recurrent_map" in name else "kernel"
        kind = "bias" if name.endswith("bias") else kind
        for gate, block in zip(MEMORY, np.split(array, 4), strict=True):
            out[f"memory.{gate}.{kind}"] = block.T
    return out


@pytest.mark.parametrize("case", LTC_CASES)
def test_ltc_computes_what_the_original_computes(case: str) -> None:
    arrays = part(LTC_ARRAYS, f"{case}/")
    spec = specs.LTC(input_size=arrays["x"].shape[-1], **ltc_options(case))
    p = ltc_parameters(part(arrays, "weights."))
    expect(spec, p, arrays, numbered(arrays, "state"), numbered(arrays, "last"))


@pytest.mark.parametrize("case", LTC_CASES)
def test_polarities_start_as_in_the_original(case: str) -> None:
    arrays = part(LTC_ARRAYS, f"{case}/")
    spec = specs.LTC(input_size=arrays["x"].shape[-1], **ltc_options(case))
    first = spec.initial_parameters(0)
    for name in ("erev", "sensory_erev"):
        np.testing.assert_array_equal(first[name], arrays[f"signs.{name}"])


def torch_parameters(layer: str, weights: Arrays, composed: bool) -> Arrays:
    """Canonical parameters from those of torch.nn."""
    out: Arrays = {}
    gates = GATES[layer]
    for name, array in weights.items():
        kind, _, place = name.rpartition("_l")
        index, _, reverse = place.partition("_")
        prefix = f"stack_{index}.{reverse or 'forward'}." if composed else ""
        for gate, block in zip(gates, np.split(array, len(gates)), strict=True):
            key = f"{prefix}{gate}"
            if kind == "weight_ih":
                out[f"{key}kernel"] = block.T
            elif kind == "weight_hh":
                out[f"{key}recurrent_kernel"] = block.T
            elif kind == "bias_hh" and gate == "new_gate.":
                out[f"{key}recurrent_bias"] = block
            else:
                out[f"{key}bias"] = out.get(f"{key}bias", 0.0) + block
    return out


@pytest.mark.parametrize("case", TORCH_CASES)
def test_layer_computes_what_torch_computes(case: str) -> None:
    layer, given = TORCH_CASES[case]
    arrays = part(TORCH_ARRAYS, f"{case}/")
    names = {"nonlinearity": "activation", "bias": "use_bias"}
    options = {names.get(k, k): v for k, v in given.items()}
    spec = specs.build(layer, input_size=arrays["x"].shape[-1], units=6, **options)
    composed = spec.composed  # type: ignore[attr-defined]
    p = torch_parameters(layer, part(arrays, "weights."), composed)
    state = [s for group in zip(*numbered(arrays, "state"), strict=True) for s in group]
    last = [s for group in zip(*numbered(arrays, "last"), strict=True) for s in group]
    expect(spec, p, arrays, state, last)
