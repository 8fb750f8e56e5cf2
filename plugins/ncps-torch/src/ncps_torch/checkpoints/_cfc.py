"""The spec of a CfC from its tensors."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np

from ncps import specs
from ncps.errors import CheckpointWarning
from ncps.wirings import Wiring
from ncps_torch.checkpoints._files import Arrays
from ncps_torch.checkpoints._masks import (
    Mask,
    check_masks,
    layered_wiring,
    needed,
    no_output_dim,
    take_mask,
    where,
)
from ncps_torch.checkpoints._parts import Part
from ncps_torch.parameters import backbone_place

Options = dict[str, Any]


def cfc_spec(part: Part, given: Options) -> specs.CfCCell:
    """The spec, with what is given over what the tensors say; masks leave the arrays."""
    cell = "rnn_cell." if part.layer == "CfC" else ""
    wired = f"{cell}layer_0.ff1.weight" in part.arrays
    found = _shared(part, f"{cell}{'layer_0.' if wired else ''}")
    known = specs.CfC if part.layer == "CfC" else specs.CfCCell
    if not wired:
        no_output_dim(part, given)
        found |= _plain(part, cell, given)
        return known.from_options(found | given)
    masks = _wired_masks(part, cell)
    if "units" in given:
        no_output_dim(part, given)
    else:
        saved = [needed(part, mask) for mask in masks]
        found["units"] = layered_wiring(saved, given.pop("output_dim", None))
    spec = known.from_options(found | given)
    if isinstance(spec.units, Wiring) and len(spec.blocks) == len(masks):
        blocks = zip(spec.blocks, masks, strict=True)
        check_masks(part, [(f"{b.prefix}sparsity_mask", m, b.mask) for b, m in blocks])
    return spec


def _shared(part: Part, block: str) -> Options:
    """What every CfC shows; `block` is the prefix of the first plain cell."""
    arrays = part.arrays
    found: Options = {
        "mode": "pure" if f"{block}w_tau" in arrays else "default",
        "mixed_memory": "lstm.input_map.weight" in arrays,
    }
    heads = arrays[f"{block}ff1.weight"]
    found["input_size"] = heads.shape[1] - heads.shape[0]
    if "fc.weight" in arrays:
        found["proj_size"] = len(arrays["fc.weight"])
    return found


def _wired_masks(part: Part, cell: str) -> list[Mask | None]:
    """The mask (in + H, H) of each layer."""
    layers = [n for n in part.arrays if re.fullmatch(rf"{cell}layer_\d+\.ff1\.weight", n)]
    masks = [take_mask(part, f"{cell}layer_{i}.sparsity_mask") for i in range(len(layers))]
    return [None if mask is None else mask.T for mask in masks]


def _plain(part: Part, cell: str, given: Options) -> Options:
    arrays = part.arrays
    _apply_free_mask(arrays, cell, take_mask(part, f"{cell}sparsity_mask"))
    units = len(arrays[f"{cell}ff1.weight"])
    found: Options = {"units": units, "backbone_layers": 0}
    places = sorted(
        int(match[1])
        for name in arrays
        if (match := re.fullmatch(rf"{re.escape(cell)}backbone\.(\d+)\.weight", name))
    )
    if places:
        first = arrays[f"{cell}backbone.{places[0]}.weight"]
        found["backbone_layers"] = len(places)
        found["backbone_units"] = len(first)
        found["input_size"] = first.shape[1] - units
        _close_gaps(part, cell, places, given)
    return found


def _apply_free_mask(arrays: Arrays, cell: str, mask: Mask | None) -> None:
    """Zeros where the mask of an unwired cell has them: a spec has no such mask."""
    for name in ("ff1.weight", "ff2.weight"):
        if mask is not None and cell + name in arrays:
            arrays[cell + name] = np.asarray(arrays[cell + name] * mask)


def _close_gaps(part: Part, cell: str, places: list[int], given: Options) -> None:
    """Move the layers of a backbone to where they stand without dropout, if that is wanted.

    ncps 1.0.1 counts dropouts among the layers, so that their places tell whether it had any.
    """
    with_dropout = [backbone_place(i, 0.5) for i in range(len(places))]
    if len(places) < 3 or places != with_dropout or given.get("backbone_dropout"):
        return
    if "backbone_dropout" not in given:
        warnings.warn(
            f"{where(part)} had a dropout in its backbone whose rate is not in the checkpoint: it "
            "gets none, which changes its training, not what it computes. Pass backbone_dropout=.",
            CheckpointWarning,
            stacklevel=2,
        )
    for i, place in enumerate(places):
        for name in ("weight", "bias"):
            array = part.arrays.pop(f"{cell}backbone.{place}.{name}")
            part.arrays[f"{cell}backbone.{backbone_place(i, 0.0)}.{name}"] = array
