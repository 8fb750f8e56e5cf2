"""`ncps.mlx.CfCCell` and `WiredCfCCell`: the native cell under the port's signatures."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from ncps.errors import ShapeError, SpecError
from ncps.specs import CfCCell as CfCCellSpec
from ncps.wirings import Wiring
from ncps_mlx import layers, ops


class CfCCell(layers.CfCCell):
    """One step of a CfC; the equations are `ncps.specs.CfCCell`'s.

    `sparsity_mask` (input_size + hidden_size, hidden_size) multiplies, by its absolute value, the
    kernels of ff1 and ff2; it needs ``backbone_layers=0``. `backbone_activation` is another name
    of `activation`. Call: ``h, h = cell(inputs, hx, ts)``.
    """

    def __init__(
        self,
        input_size: int | None,
        hidden_size: int,
        mode: str = "default",
        activation: str = "lecun_tanh",
        backbone_units: int = 128,
        backbone_layers: int = 1,
        backbone_dropout: float = 0.0,
        sparsity_mask: Any = None,
        *,
        backbone_activation: str | None = None,
        seed: int | None = None,
        dtype: str | None = None,
        device: str | None = None,
    ) -> None:
        spec = CfCCellSpec(
            input_size=input_size,
            units=hidden_size,
            mode=mode,
            activation=backbone_activation or activation,
            # with no layers the number of their units says nothing, and 0 is what many write
            backbone_units=backbone_units if backbone_layers else None,
            backbone_layers=backbone_layers,
            backbone_dropout=backbone_dropout,
        )
        if sparsity_mask is not None and backbone_layers:
            raise SpecError(
                f"CfCCell expected backbone_layers=0 with a sparsity_mask, got {backbone_layers}. "
                "The mask is over [inputs, hidden state], which a backbone would mix."
            )
        self.sparsity = None if sparsity_mask is None else np.abs(np.asarray(sparsity_mask))
        super().__init__(spec, seed=seed, dtype=dtype, device=device)

    @property
    def hidden_size(self) -> int:
        """Number of neurons."""
        return self.spec.state_size

    def _structure(self) -> None:
        super()._structure()
        if self.sparsity is not None:
            size = self.spec.known_input_size() + self.hidden_size
            if self.sparsity.shape != (size, self.hidden_size):
                raise ShapeError(
                    f"CfCCell expected sparsity_mask {(size, self.hidden_size)}, got "
                    f"{self.sparsity.shape}. Its rows are the inputs, then the hidden state."
                )
            self.blocks[0].set_mask(self.sparsity.astype(np.float32))

    def get_native(self) -> dict[str, npt.NDArray[Any]]:
        """Copies of all parameters, with zeros where the mask has them."""
        arrays = super().get_native()
        if self.sparsity is not None:
            # a spec has no mask: with these values a plain cell computes the same
            weight, _ = self.blocks[0].affines()[-1]
            arrays["blocks.0.heads.weight"] = ops.to_numpy(weight)
        return arrays

    def __call__(self, inputs: Any, hx: Any = None, ts: Any = None) -> tuple[mx.array, Any]:
        """One step from the state `hx`, `ts` after the last one."""
        return super().__call__(inputs, hx, _one_or_each(ts))


class WiredCfCCell(layers.CfCCell):
    """One step of a wired CfC. Call: ``y, hx = cell(inputs, hx, timespans)``.

    An unbuilt wiring is built in place, so that it can be drawn afterwards.
    """

    def __init__(
        self,
        input_size: int | None,
        wiring: Wiring,
        mode: str = "default",
        activation: str = "lecun_tanh",
        *,
        seed: int | None = None,
        dtype: str | None = None,
        device: str | None = None,
    ) -> None:
        if input_size is not None:
            wiring.build(input_size)
        spec = CfCCellSpec(input_size=input_size, units=wiring, mode=mode, activation=activation)
        super().__init__(spec, seed=seed, dtype=dtype, device=device)

    @property
    def wiring(self) -> Wiring:
        """The wiring."""
        units = self.spec.units
        assert isinstance(units, Wiring)
        return units

    @property
    def state_size(self) -> int:
        """Number of neurons."""
        return self.spec.state_size

    @property
    def layer_sizes(self) -> list[int]:
        """Number of neurons of each layer."""
        wiring = self.wiring
        return [len(wiring.get_neurons_of_layer(i)) for i in range(wiring.num_layers)]

    @property
    def num_layers(self) -> int:
        """Number of layers."""
        return self.wiring.num_layers

    @property
    def sensory_size(self) -> int | None:
        """Number of inputs."""
        return self.spec.input_size

    @property
    def motor_size(self) -> int:
        """Number of motor neurons."""
        return self.spec.output_size

    output_size = motor_size

    def __call__(self, inputs: Any, hx: Any = None, timespans: Any = None) -> tuple[mx.array, Any]:
        """One step from the state `hx`, `timespans` after the last one."""
        return super().__call__(inputs, hx, _one_or_each(timespans))


def _one_or_each(ts: Any) -> Any:
    """Elapsed times as the port takes them: an array with one number stands for all rows."""
    return ts.reshape(()) if getattr(ts, "size", 0) == 1 else ts
