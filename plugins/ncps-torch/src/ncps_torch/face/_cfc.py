"""`ncps.torch.CfC`: the native layer under the signature of ncps 1.0.1."""

from __future__ import annotations

from typing import Any

from ncps.specs import CfC as CfCSpec
from ncps.wirings import Wiring
from ncps_torch import layers
from ncps_torch.face._sequence import SequenceFace


class CfC(SequenceFace, layers.CfC):
    """Closed-form continuous-time network; the equations are `ncps.specs.CfC`'s.

    `units` is a number of neurons or a wiring; an unbuilt wiring is built in place, so that it
    can be drawn afterwards. Call: ``readout, hx = layer(input, hx=None, timespans=None)``.

    Shape: input (B, T, D), (T, B, D) without `batch_first`, or (T, D); timespans likewise without
    D, or a scalar → readout with the same leading axes, or (B, O) without `return_sequences`;
    hx (B, H), with mixed memory (h, c).
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
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        if isinstance(units, Wiring) and input_size is not None:
            units.build(input_size)
        spec = CfCSpec(
            input_size=input_size,
            units=units,
            mode=mode,
            activation=activation,
            # with no layers the number of their units says nothing, and 0 is what many write
            backbone_units=None if backbone_layers == 0 else backbone_units,
            backbone_layers=backbone_layers,
            backbone_dropout=backbone_dropout,
            mixed_memory=mixed_memory,
            proj_size=proj_size,
            return_sequences=return_sequences,
        )
        super().__init__(spec, seed=seed, dtype=dtype, device=device)
        self.batch_first = batch_first
