"""The parameters of CfC cells, under the names of ncps 1.0.1.

An unwired network is one block: `backbone`, `ff1`, `ff2`, `time_a`, `time_b`, or in mode pure
`ff1`, `w_tau`, `A`. A wired one has a block for each layer of the wiring, `layer_0`, `layer_1`, ….
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ncps.specs import CfCBlock as CfCBlockSpec
from ncps.specs import CfCCell as CfCCellSpec
from ncps_torch import ops
from ncps_torch.layers._holders import Affine
from ncps_torch.layers._original import check_mask
from ncps_torch.parameters import HEADS, backbone_place


class CfCBlock(nn.Module):
    """The parameters of one plain CfC cell."""

    def __init__(self, spec: CfCCellSpec, index: int = 0) -> None:
        super().__init__()
        declare_block(self, spec, spec.blocks[index])

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        check_mask(self, state_dict, prefix, args[-1])
        super()._load_from_state_dict(state_dict, prefix, *args)


class WiredCells(nn.Module):
    """One block for each layer of a wiring."""

    def __init__(self, spec: CfCCellSpec) -> None:
        super().__init__()
        declare(self, spec)


def declare(module: Any, spec: CfCCellSpec) -> None:
    """Make `module` the holder of the network's cells."""
    if spec.wiring is None:
        declare_block(module, spec, spec.blocks[0])
        return
    for i, block in enumerate(spec.blocks):
        module.add_module(block.prefix.removesuffix("."), CfCBlock(spec, i))


def declare_block(module: Any, spec: CfCCellSpec, block: CfCBlockSpec) -> None:
    """Make `module` the holder of one plain cell."""
    features = block.input_size + block.units
    if block.backbone:
        module.add_module("backbone", nn.ModuleDict())
    for i, units in enumerate(block.backbone):
        place = str(backbone_place(i, spec.backbone_dropout or 0.0))
        module.backbone[place] = Affine(features, units)
        features = units
    for head in HEADS[:1] if spec.mode == "pure" else HEADS:
        module.add_module(head, Affine(features, block.units))
    if spec.mode == "pure":
        for name in ("w_tau", "A"):
            module.register_parameter(name, nn.Parameter(torch.empty(1, block.units)))
    # follows the module from device to device; the wiring says it, so that it is not saved
    module.register_buffer("sparsity_mask", None, persistent=False)


def set_mask(module: Any, mask: Any, device: torch.device) -> None:
    """Give a holder its mask (in, H), None for no mask."""
    tensor = None if mask is None else ops.from_numpy(mask.T, device=device)
    module.register_buffer("sparsity_mask", tensor, persistent=False)


def read(module: Any, spec: CfCCellSpec, block: CfCBlockSpec, x: Tensor, rate: float) -> ops.Cell:
    """The tensors of a plain cell for a call on x (T, B, D), dropout drawn."""
    dtype = x.dtype
    layers = list(module.backbone.values()) if block.backbone else []
    names = HEADS[:1] if spec.mode == "pure" else HEADS
    heads = [getattr(module, name).cast(dtype) for name in names]
    if module.sparsity_mask is not None:
        mask = module.sparsity_mask.to(dtype)
        # the time heads see everything, unless the wiring is strict: then they have the same mask
        masked = 2 if block.time_mask is None else 4
        heads[:masked] = [(weight * mask, bias) for weight, bias in heads[:masked]]
    pure = spec.mode == "pure"
    tau = tuple(getattr(module, n)[0].to(dtype) for n in ("w_tau", "A")) if pure else ()
    drops = tuple(ops.dropout(rate, (*x.shape[:2], k), x) for k in block.backbone) if rate else ()
    backbone = tuple(layer.cast(dtype) for layer in layers)
    return ops.Cell(
        mode=spec.mode,
        phi=spec.activation,
        units=block.units,
        backbone=backbone,
        heads=tuple(heads),
        tau=tau,
        drops=drops,
        linear=spec.linear_heads,
    )
