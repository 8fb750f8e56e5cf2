"""`ncps.mlx.CfC`: the native layer under the port's signature."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.specs import CfC as CfCSpec
from ncps.wirings import Wiring
from ncps_mlx import layers


class CfC(layers.CfC):
    """Closed-form continuous-time network; the equations are `ncps.specs.CfC`'s.

    `units` is a number of neurons or a wiring; an unbuilt wiring is built in place, so that it
    can be drawn afterwards. Call: ``readout, hx = layer(inputs, hx=None, timespans=None)``.

    Shape: inputs (B, T, D), (T, B, D) without `batch_first`, or (T, D); timespans likewise without
    D, or a scalar → readout with the same leading axes, or (B, O) without `return_sequences`.
    Raises: WiringError when the wiring was built for another input size.
    """

    def __init__(
        self,
        input_size: int | None,
        units: int | Wiring,
        proj_size: int | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        mode: str = "default",
        activation: str = "lecun_tanh",
        backbone_units: int | None = None,
        backbone_layers: int | None = None,
        backbone_dropout: float | None = None,
        *,
        seed: int | None = None,
        dtype: str | None = None,
        device: str | None = None,
    ) -> None:
        if isinstance(units, Wiring) and input_size is not None:
            units.build(input_size)
        spec = CfCSpec(
            input_size=input_size,
            units=units,
            mode=mode,
            activation=activation,
            backbone_units=backbone_units,
            backbone_layers=backbone_layers,
            backbone_dropout=backbone_dropout,
            mixed_memory=mixed_memory,
            proj_size=proj_size,
            return_sequences=return_sequences,
        )
        super().__init__(spec, seed=seed, dtype=dtype, device=device)
        self.batch_first = batch_first

    @property
    def state_size(self) -> int:
        """Number of neurons."""
        return self.spec.state_size

    @property
    def output_size(self) -> int:
        """Features of the readout."""
        return self.spec.output_size

    def __call__(  # type: ignore[override]
        self, inputs: Any, hx: Any = None, timespans: Any = None
    ) -> tuple[mx.array, Any]:
        """Run a sequence from the state `hx`; the readout and the new state."""
        time_first = not self.batch_first and inputs.ndim == 3
        if time_first:
            inputs = inputs.swapaxes(0, 1)
            if getattr(timespans, "ndim", 0) > 1:
                timespans = timespans.swapaxes(0, 1)
        readout, hx = super().__call__(inputs, hx, timespans)
        if time_first and self.spec.return_sequences:
            readout = readout.swapaxes(0, 1)
        return readout, hx
