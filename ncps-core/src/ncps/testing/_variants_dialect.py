"""The cases of CfC and LTC in the dialect of ncps 1.0.1 for Keras."""

from __future__ import annotations

from typing import Any

from ncps.testing._cases import Case
from ncps.testing._wirings import deep_wiring
from ncps.wirings import AutoNCP, Random

Cases = tuple[Case, ...]
DIALECT = {"dialect": "ncps-1.0-keras"}


def cfc(layer: str) -> Cases:
    """Every mode, wired and behind a memory."""
    backbone = {"backbone_units": 8}
    options: list[dict[str, Any]] = [
        {"input_size": 31, "units": 33, **backbone},
        {"input_size": 3, "units": 5, "mode": "no_gate", "backbone_layers": 0},
        {"input_size": 3, "units": 5, "mode": "pure", "mixed_memory": True, **backbone},
        {"input_size": 7, "units": AutoNCP(33, 5, seed=3)},
        {"input_size": 3, "units": AutoNCP(16, 3, seed=4), "mixed_memory": True},
        {"input_size": 2, "units": 6, "mixed_memory": True, "backbone_layers": 2, **backbone},
    ]
    cases = [Case(layer, {**o, **DIALECT}, state=True) for o in options]
    cases.append(Case(layer, {**options[1], "mode": "default", **DIALECT}, timespans=False))
    if layer == "CfC":
        wired = {"input_size": 3, "units": deep_wiring(), "proj_size": 2, **DIALECT}
        cases.append(Case(layer, wired, mask=True, state=True))
        last = {**options[4], "return_sequences": False, **DIALECT}
        cases.append(Case(layer, last, mask=True))
    return tuple(cases)


def ltc(layer: str) -> Cases:
    """Behind a memory, where it differs; wired and not."""
    memory = {"mixed_memory": True, **DIALECT}
    options: list[dict[str, Any]] = [
        {"input_size": 3, "units": AutoNCP(12, 3, seed=4), **memory},
        {"input_size": 4, "units": 5, "input_mapping": "linear", "output_mapping": None, **memory},
        {"input_size": 2, "units": Random(9, 4, 0.5), **DIALECT},
    ]
    explicit = {"implicit_param_constraints": False}
    return tuple(Case(layer, {**o, **explicit}, state=True) for o in options)
