"""How the variables of the classes of `ncps.keras` relate to the canonical parameters.

Names and layouts are those of ncps 1.0.1: kernels (in, out), w_tau and A (1, H), the memory's gates
side by side.
"""

from __future__ import annotations

from typing import Any

from ncps.canonical import ParameterMap, Rename, Reshape, Rule, SplitGates
from ncps.specs import CfCCell
from ncps_keras.parameters import HEADS, NEURON, SYNAPSE, mapping_parts

# of the LSTM of mixed memory
MEMORY_GATES = ("cell_gate", "input_gate", "forget_gate", "output_gate")
_MEMORY = {"input_kernel": "kernel", "recurrent_kernel": "recurrent_kernel", "bias": "bias"}


def map_of(spec: Any) -> ParameterMap:
    """The map of a cell or sequence with this spec."""
    rules = _cfc(spec) if isinstance(spec, CfCCell) else _ltc(spec)
    if spec.mixed_memory:
        for native, part in _MEMORY.items():
            names = tuple(f"memory.{gate}.{part}" for gate in MEMORY_GATES)
            rules.append(SplitGates(native, names, axis=0 if part == "bias" else 1))
    return ParameterMap(tuple(rules))


def _cfc(spec: CfCCell) -> list[Rule]:
    rules: list[Rule] = []
    for block in spec.blocks:
        prefix = block.prefix
        for i in range(len(block.backbone)):
            rules += _same(*(f"{prefix}backbone.{i}.{part}" for part in ("kernel", "bias")))
        for head in HEADS[:1] if spec.mode == "pure" else HEADS[:2]:
            rules.append(Rename(f"{prefix}{head}_weight", f"{prefix}{head}.kernel"))
            rules.append(Rename(f"{prefix}{head}_bias", f"{prefix}{head}.bias"))
        if spec.mode == "pure":
            shapes = (1, block.units), (block.units,)
            rules += [Reshape(prefix + n, prefix + n, *shapes) for n in ("w_tau", "A")]
        else:
            times = (f"{prefix}{head}.{part}" for head in HEADS[2:] for part in ("kernel", "bias"))
            rules += _same(*times)
    return rules


def _ltc(spec: Any) -> list[Rule]:
    names = [*NEURON, *SYNAPSE, *(f"sensory_{name}" for name in SYNAPSE)]
    for name in ("input", "output"):
        names += [f"{name}_{part}" for part in mapping_parts(spec, name)]
    return _same(*names)


def _same(*names: str) -> list[Rule]:
    return [Rename(name, name) for name in names]
