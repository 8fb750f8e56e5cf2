"""CfC and its cell: closed-form continuous-time networks, wired or not."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import numpy.typing as npt

from ncps.specs import CfC as CfCSpec
from ncps.specs import CfCBlock as CfCBlockSpec
from ncps.specs import CfCCell as CfCCellSpec
from ncps_mlx import ops
from ncps_mlx.layers._affine import Affine, Gates
from ncps_mlx.layers._recurrent import Cell, Sequence, States


class CfCBlock(nn.Module):
    """The parameters of one plain CfC cell: backbone, fused heads, and in mode pure w_tau and A.

    The heads stand in the order ff1, ff2, time_a, time_b.
    """

    def __init__(self, block: CfCBlockSpec, mode: str) -> None:
        super().__init__()
        features = block.input_size + block.units
        self.backbone = []
        for units in block.backbone:
            self.backbone.append(Affine(features, units))
            features = units
        self.heads = Affine(features, block.units * (1 if mode == "pure" else 4))
        if mode == "pure":
            self.w_tau = mx.zeros((block.units,))
            self.A = mx.zeros((block.units,))
        self.units = block.units
        if block.mask is not None:
            self.set_mask(block.mask, block.time_mask)

    def set_mask(
        self, mask: npt.NDArray[np.float32], time_mask: npt.NDArray[np.float32] | None = None
    ) -> None:
        """Multiply the kernels of ff1 and ff2 by `mask` (in, H), of the time heads by `time_mask`.

        Without it the time heads see everything.
        """
        time = np.ones_like(mask) if time_mask is None else time_mask
        heads = self.heads.weight.shape[0] // self.units
        # the leading underscore keeps a constant out of the parameters
        self._mask = mx.concatenate([mx.array(m).T for m in (mask, mask, time, time)[:heads]])

    def affines(self) -> tuple[ops.Affine, ...]:
        """Weight and bias of each affine map, synapses that do not exist set to zero."""
        weight = self.heads.weight
        if "_mask" in self:
            weight = weight * self._mask.astype(weight.dtype)
        backbone = ((layer.weight, layer.bias) for layer in self.backbone)
        return (*backbone, (weight, self.heads.bias))


class _CfC:
    """What the cell and the sequence share."""

    spec: Any
    training: bool
    blocks: list[CfCBlock]
    memory: Gates

    def _structure(self) -> None:
        spec = self.spec
        self.blocks = [CfCBlock(block, spec.mode) for block in spec.blocks]
        if spec.mixed_memory:
            self.memory = Gates(spec.known_input_size(), spec.state_size)

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        blocks = [self._block(block, x) for block in self.blocks]
        if not self.spec.mixed_memory:
            return (ops.cfc(blocks, x, states[0], dt),)
        memory = (self.memory.Wx, self.memory.Wh, self.memory.bias)
        run = ops.cfc_of_memory if self.spec.reads_memory else ops.cfc_with_memory
        return tuple(run(blocks, memory, x, states, dt))

    def _block(self, block: CfCBlock, x: mx.array) -> ops.Block:
        spec = self.spec
        tau = (block.w_tau, block.A) if spec.mode == "pure" else ()
        phi = ops.ACTIVATIONS[spec.activation]
        drops: tuple[mx.array, ...] = ()
        if self.training and spec.backbone_dropout:
            shape = (*x.shape[:2], spec.backbone_units)
            drops = tuple(
                ops.dropout(spec.backbone_dropout, shape, x.dtype) for _ in block.backbone
            )
        return ops.Block(
            mode=spec.mode,
            phi=phi,
            affines=block.affines(),
            tau=tau,
            units=block.units,
            drops=drops,
            linear=spec.linear_heads,
        )

    def _readout(self, h: mx.array) -> mx.array:
        """y: the output neurons' part of h."""
        return ops.pick(h, self.spec.output_neurons)


class CfCCell(_CfC, Cell):
    r"""One step of a closed-form continuous-time network.

    .. math::
        z = \mathrm{backbone}([x, h]),\quad f, g, a, b = \text{four affine heads of } z

        h' = (1-s)\odot\tanh f + s\odot\tanh g,\quad s = \sigma(a\,\Delta t + b)

    The modes `no_gate` and `pure`, wirings and mixed memory are `ncps.specs.CfCCell`'s.

    Shape: x (B, D); state h (B, H), or (h, c) with mixed memory; timespans scalar or (B,) in the
    data's time unit, default 1 → y (B, O), and the new state.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    Source: Hasani et al. 2022, arXiv:2106.13898, eq. 10; sign convention of ncps 1.0.1.
    """

    spec: CfCCellSpec


class CfC(_CfC, Sequence):
    """Closed-form continuous-time network over a sequence; the equations are `CfCCell`'s.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, O), or (B, O) without `return_sequences`; state h (B, H), or (h, c).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: CfCSpec
    projection: Affine

    def _structure(self) -> None:
        super()._structure()
        if self.spec.proj_size is not None:
            self.projection = Affine(len(self.spec.output_neurons), self.spec.proj_size)

    def _readout(self, h: mx.array) -> mx.array:
        y = super()._readout(h)
        if self.spec.proj_size is None:
            return y
        return mx.addmm(self.projection.bias, y, self.projection.weight.T)
