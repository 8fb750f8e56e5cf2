"""The spec of an LTC from its tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ncps import specs
from ncps.wirings import Wiring
from ncps_torch.checkpoints._masks import Mask, check_masks, needed, no_output_dim, take_mask
from ncps_torch.checkpoints._parts import Part
from ncps_torch.layers import warn_of_negative

Options = dict[str, Any]
MAPPINGS = {(True, True): "affine", (True, False): "linear", (False, False): None}


def ltc_spec(part: Part, given: Options) -> specs.LTCCell:
    """The spec, with what is given over what the tensors say; masks leave the arrays."""
    sequence = part.layer == "LTC"
    cell = "rnn_cell." if sequence else ""
    arrays = part.arrays
    found: Options = {
        "input_size": len(arrays[f"{cell}sensory_erev"]),
        "mixed_memory": "lstm.input_map.weight" in arrays,
        # the defaults of 1.0.1's classes; the tensors do not tell
        "implicit_param_constraints": sequence,
    }
    for name in ("input", "output"):
        parts = (f"{cell}{name}_w" in arrays, f"{cell}{name}_b" in arrays)
        found[f"{name}_mapping"] = MAPPINGS.get(parts, "affine")
    known = specs.LTC if sequence else specs.LTCCell
    explicit = not given.get("implicit_param_constraints", sequence)
    # our own state dicts have no masks, and were made by a layer that read them so
    if explicit and f"{cell}sparsity_mask" in arrays:
        warn_of_negative(arrays, cell, known.nonnegative)
    masks = [take_mask(part, f"{cell}{p}sparsity_mask") for p in ("", "sensory_")]
    if "units" in given:
        no_output_dim(part, given)
    else:
        inner, sensory = (needed(part, mask) for mask in masks)
        found["units"] = _units(part, cell, inner, sensory, given)
    spec = known.from_options(found | given)
    own = (spec.masks.inner, spec.masks.sensory)
    names = ("sparsity_mask", "sensory_sparsity_mask")
    check_masks(part, zip(names, masks, own, strict=True))
    return spec


def _units(part: Part, cell: str, inner: Mask, sensory: Mask, given: Options) -> int | Wiring:
    """The wiring with the synapses of the masks and the signs of the reversal potentials.

    The number of units alone where that means the same circuit.
    """
    units = len(inner)
    if f"{cell}output_w" in part.arrays:
        no_output_dim(part, given)
        outputs = len(part.arrays[f"{cell}output_w"])
    else:
        outputs = given.pop("output_dim", units)
    if inner.all() and sensory.all() and outputs == units:
        return units
    signs = [
        np.where(part.arrays[f"{cell}{prefix}erev"] < 0, -1, 1) * (mask != 0)
        for prefix, mask in (("", inner), ("sensory_", sensory))
    ]
    return Wiring.from_adjacency(signs[0], signs[1], output_dim=outputs)
