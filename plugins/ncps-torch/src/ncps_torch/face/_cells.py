"""`ncps.torch.CfCCell` and `WiredCfCCell`: the native cell under the signatures of ncps 1.0.1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ncps.errors import ShapeError, SpecError
from ncps.specs import CfCCell as CfCCellSpec
from ncps.wirings import Wiring
from ncps_torch import layers, ops
from ncps_torch.face._calls import one_or_each
from ncps_torch.face._circuit import CircuitFace
from ncps_torch.layers import set_mask


class CfCCell(layers.CfCCell):
    """One step of a CfC; the equations are `ncps.specs.CfCCell`'s.

    `sparsity_mask` (input_size + hidden_size, hidden_size) multiplies, by its absolute value, the
    kernels of ff1 and ff2; it needs ``backbone_layers=0``. Call: ``h, h = cell(input, hx, ts)``.
    """

    def __init__(
        self,
        input_size: int | None,
        hidden_size: int,
        mode: str = "default",
        backbone_activation: str = "lecun_tanh",
        backbone_units: int = 128,
        backbone_layers: int = 1,
        backbone_dropout: float = 0.0,
        sparsity_mask: Any = None,
        *,
        seed: int | None = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        spec = CfCCellSpec(
            input_size=input_size,
            units=hidden_size,
            mode=mode,
            activation=backbone_activation,
            # with no layers the number of their units says nothing, and 0 is what many write
            backbone_units=backbone_units if backbone_layers else None,
            backbone_layers=backbone_layers,
            backbone_dropout=backbone_dropout,
        )
        if sparsity_mask is not None and backbone_layers:
            raise SpecError(
                f"CfCCell expected backbone_layers=0 with a sparsity_mask, got {backbone_layers}. "
                "The mask is over [input, hidden state], which a backbone would mix."
            )
        self._sparsity = None if sparsity_mask is None else np.abs(np.asarray(sparsity_mask))
        super().__init__(spec, seed=seed, dtype=dtype, device=device)

    @property
    def input_size(self) -> int | None:
        """Features of the input."""
        return self.spec.input_size

    @property
    def hidden_size(self) -> int:
        """Number of neurons."""
        return self.spec.state_size

    def _constants(self, spec: CfCCellSpec) -> None:
        if self._sparsity is None:
            return
        size = spec.known_input_size() + self.hidden_size
        if self._sparsity.shape != (size, self.hidden_size):
            raise ShapeError(
                f"CfCCell expected sparsity_mask {(size, self.hidden_size)}, got "
                f"{self._sparsity.shape}. Its rows are the inputs, then the hidden state."
            )
        set_mask(self, self._sparsity.astype(np.float32), next(self.parameters()).device)

    def get_native(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all parameters, with zeros where the mask has them."""
        arrays = super().get_native()
        if isinstance(self.sparsity_mask, Tensor):
            # a spec has no such mask: with these values a plain cell computes the same
            mask = ops.to_numpy(self.sparsity_mask)
            arrays |= {name: arrays[name] * mask for name in _MASKED if name in arrays}
        return arrays

    def forward(
        self,
        input: Tensor,  # noqa: A002
        hx: Any = None,
        ts: Any = None,
    ) -> tuple[Tensor, Any]:
        """One step from the state `hx`, `ts` after the last one."""
        return super().forward(input, hx, one_or_each(ts))


_MASKED = ("ff1.weight", "ff2.weight")


class WiredCfCCell(CircuitFace, layers.CfCCell):
    """One step of a wired CfC. Call: ``y, hx = cell(input, hx, timespans)``.

    An unbuilt wiring is built in place, so that it can be drawn afterwards.
    """

    def __init__(
        self,
        input_size: int | None,
        wiring: Wiring,
        mode: str = "default",
        *,
        seed: int | None = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        if input_size is not None:
            wiring.build(input_size)
        spec = CfCCellSpec(input_size=input_size, units=wiring, mode=mode)
        super().__init__(spec, seed=seed, dtype=dtype, device=device)

    @property
    def layer_sizes(self) -> list[int]:
        """Neurons of each layer."""
        return [block.units for block in self.spec.blocks]

    @property
    def num_layers(self) -> int:
        """Number of layers."""
        return self._wiring.num_layers

    def forward(
        self,
        input: Tensor,  # noqa: A002
        hx: Any = None,
        timespans: Any = None,
    ) -> tuple[Tensor, Any]:
        """One step from the state `hx`, `timespans` after the last one."""
        return super().forward(input, hx, one_or_each(timespans))
