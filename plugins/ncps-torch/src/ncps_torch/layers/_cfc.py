"""CfC and its cell: closed-form continuous-time networks, wired or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from ncps.specs import CfC as CfCSpec
from ncps.specs import CfCCell as CfCCellSpec
from ncps_torch import ops
from ncps_torch.layers._block import CfCBlock, WiredCells, declare, read, set_mask
from ncps_torch.layers._holders import Affine, Memory
from ncps_torch.layers._original import check_mask
from ncps_torch.layers._recurrent import Cell, Sequence, States


class _CfC:
    """What the cell and the sequence share."""

    spec: Any
    training: bool
    lstm: Memory

    def _structure(self, spec: Any) -> None:
        if spec.mixed_memory:
            self.lstm = Memory(spec.known_input_size(), spec.state_size)

    def _cells(self) -> nn.Module:
        """The module that holds the plain cells."""
        raise NotImplementedError(f"{type(self).__name__} must define _cells")

    def _blocks(self) -> Iterator[nn.Module]:
        cells = self._cells()
        for block in self.spec.blocks:
            name = block.prefix.removesuffix(".")
            yield getattr(cells, name) if name else cells

    def _constants(self, spec: Any) -> None:
        device = next(self._cells().parameters()).device
        for module, block in zip(self._blocks(), spec.blocks, strict=True):
            set_mask(module, block.mask, device)

    def _run(self, x: Tensor, states: States, dt: Tensor | None) -> States:
        spec = self.spec
        rate = spec.backbone_dropout if self.training else None
        cells = [
            read(module, spec, block, x, rate or 0.0)
            for module, block in zip(self._blocks(), spec.blocks, strict=True)
        ]
        if not spec.mixed_memory:
            return (ops.cfc(cells, x, states[0], dt),)
        run = ops.cfc_of_memory if spec.reads_memory else ops.cfc_with_memory
        return run(cells, self.lstm.cast(x.dtype), x, states, dt)

    def _readout(self, h: Tensor) -> Tensor:
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

    def _structure(self, spec: CfCCellSpec) -> None:
        super()._structure(spec)
        declare(self, spec)

    def _accept(self, state_dict: dict[str, Any], prefix: str, errors: list[str]) -> None:
        if self.spec.wiring is None:
            check_mask(self, state_dict, prefix, errors)

    def _cells(self) -> nn.Module:
        return self


class CfC(_CfC, Sequence):
    """Closed-form continuous-time network over a sequence; the equations are `CfCCell`'s.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, O), or (B, O) without `return_sequences`; state h (B, H), or (h, c).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: CfCSpec
    rnn_cell: CfCBlock | WiredCells
    fc: Affine | nn.Identity

    def _structure(self, spec: CfCSpec) -> None:
        super()._structure(spec)
        self.rnn_cell = (CfCBlock if spec.wiring is None else WiredCells)(spec)
        self.fc = nn.Identity()
        if spec.proj_size is not None:
            self.fc = Affine(len(spec.output_neurons), spec.proj_size)

    def _cells(self) -> nn.Module:
        return self.rnn_cell

    def _readout(self, h: Tensor) -> Tensor:
        y = super()._readout(h)
        if isinstance(self.fc, Affine):
            weight, bias = self.fc.cast(y.dtype)
            return nn.functional.linear(y, weight, bias)
        return y
