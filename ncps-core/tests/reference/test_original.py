"""The reference beside the original: the same weights give the same outputs as ncps 1.0.1."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from ncps import specs, wirings
from ncps.conversion.tolerances import TOLERANCES
from ncps.reference import run

GOLDEN = dict(np.load(Path(__file__).with_name("golden_cfc.npz")))
CASES = json.loads(str(GOLDEN.pop("cases")))
GATES = ("cell_gate", "input_gate", "forget_gate", "output_gate")


def canonical(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Canonical parameters from a state dict of ncps 1.0.1."""
    out = {}
    for name, array in weights.items():
        if name.startswith("lstm."):
            kind = "recurrent_kernel" if "recurrent_map" in name else "kernel"
            kind = "bias" if name.endswith("bias") else kind
            for gate, part in zip(GATES, np.split(array, 4), strict=True):
                out[f"memory.{gate}.{kind}"] = part.T
            continue
        name = name.removeprefix("rnn_cell.").replace("fc.", "projection.")
        # torch numbers the backbone's linear maps and activations alike: 0, 2, 4 are the maps
        name = re.sub(r"backbone\.(\d+)", lambda m: f"backbone.{int(m[1]) // 2}", name)
        name = name.replace(".weight", ".kernel")
        out[name] = array.reshape(-1) if name.endswith(("w_tau", "A")) else array.T
    return out


@pytest.mark.parametrize("case", CASES)
def test_cfc_computes_what_the_original_computes(case: str) -> None:
    options = dict(CASES[case])
    if isinstance(options["units"], list):
        name, config = options["units"]
        options["units"] = getattr(wirings, name)(**config)
    golden = {k.removeprefix(f"{case}/"): v for k, v in GOLDEN.items() if k.startswith(f"{case}/")}
    weights = {k.removeprefix("weights."): v for k, v in golden.items() if k.startswith("weights.")}
    spec = specs.CfC(input_size=golden["x"].shape[-1], **options)

    p = canonical(weights)
    assert {k: v.shape for k, v in p.items()} == {q.name: q.shape for q in spec.parameters()}

    state = [golden[k] for k in sorted(golden) if k.startswith("state.")]
    y, last = run(spec, p, golden["x"], state, golden["timespans"])
    last = last if isinstance(last, tuple) else (last,)
    tolerance = TOLERANCES["float32"].values
    np.testing.assert_allclose(y, golden["y"], **tolerance)
    for i, array in enumerate(last):
        np.testing.assert_allclose(array, golden[f"last.{i}"], **tolerance)
