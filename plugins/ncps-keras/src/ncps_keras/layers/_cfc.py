"""CfC and its cell: closed-form continuous-time networks, wired or not."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops as kops

from ncps.specs import CfC as CfCSpec
from ncps.specs import CfCBlock
from ncps.specs import CfCCell as CfCCellSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._recurrent import Cell, Sequence, States


class _CfC:
    """What the cell and the sequence share."""

    spec: Any
    _read: Any
    _constant: Any
    _seed: Any

    def _constants(self) -> None:
        spec = self.spec
        self._masks = [_fused_mask(block, spec.mode) for block in spec.blocks]
        if spec.backbone_dropout:
            seed = self._seed if isinstance(self._seed, int) else None
            self._noise = ops.seed_generator(seed)

    def _run(self, x: Any, states: States, times: ops.Times, training: bool) -> Any:
        blocks = [self._block(i, x, training) for i in range(len(self.spec.blocks))]
        if not self.spec.mixed_memory:
            return ops.cfc(blocks, x, states, times)
        names = ("memory.kernel", "memory.recurrent_kernel", "memory.bias")
        return ops.cfc_with_memory(blocks, tuple(map(self._read, names)), x, states, times)

    def _block(self, index: int, x: Any, training: bool) -> ops.Block:
        spec, block, mask = self.spec, self.spec.blocks[index], self._masks[index]
        names = [*(f"backbone.{i}" for i in range(len(block.backbone))), "heads"]
        affines = [self._affine(block.prefix + name) for name in names]
        if mask is not None:
            kernel, bias = affines[-1]
            affines[-1] = (kernel * self._constant(mask), bias)
        tau: tuple[Any, ...] = ()
        if spec.mode == "pure":
            tau = tuple(self._read(block.prefix + name) for name in ("w_tau", "A"))
        drops: tuple[Any, ...] = ()
        if training and spec.backbone_dropout:
            shape = (*kops.shape(x)[:2], spec.backbone_units)
            drops = tuple(
                ops.dropout(spec.backbone_dropout, shape, x.dtype, self._noise)
                for _ in block.backbone
            )
        return ops.Block(spec.mode, spec.activation, tuple(affines), tau, block.units, drops)

    def _affine(self, name: str) -> ops.Affine:
        return self._read(f"{name}.kernel"), self._read(f"{name}.bias")

    def _readout(self, h: Any) -> Any:
        """y: the output neurons' part of h."""
        return ops.pick(h, self.spec.output_neurons)


def _fused_mask(block: CfCBlock, mode: str) -> Any:
    """The factor (in, n·H) of the heads' kernel, None for all 1; alone, time heads see all."""
    if block.mask is None:
        return None
    time = np.ones_like(block.mask) if block.time_mask is None else block.time_mask
    heads = 1 if mode == "pure" else 4
    return np.concatenate([block.mask, block.mask, time, time][:heads], axis=1)


@keras.saving.register_keras_serializable(package=PACKAGE)
class CfCCell(_CfC, Cell):
    r"""One step of a closed-form continuous-time network.

    .. math::
        z = \mathrm{backbone}([x, h]),\quad f, g, a, b = \text{four affine heads of } z

        h' = (1-s)\odot\tanh f + s\odot\tanh g,\quad s = \sigma(a\,\Delta t + b)

    The modes `no_gate` and `pure`, wirings and mixed memory are `ncps.specs.CfCCell`'s.

    Shape: x (B, D); state h (B, H), or (h, c) with mixed memory; timespans scalar or (B,) in the
    data's time unit, default 1 → y (B, O), and the new state.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    Source: Hasani et al. 2022, arXiv:2106.13898, eq. 10; sign convention of ncps 1.0.1 for torch.
    """

    spec: CfCCellSpec


@keras.saving.register_keras_serializable(package=PACKAGE)
class CfC(_CfC, Sequence):
    """Closed-form continuous-time network over a sequence; the equations are `CfCCell`'s.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, O), or (B, O) without `return_sequences`; state h (B, H), or (h, c).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: CfCSpec

    def _readout(self, h: Any) -> Any:
        y = super()._readout(h)
        if self.spec.proj_size is None:
            return y
        return ops.affine(y, *self._affine("projection"))
