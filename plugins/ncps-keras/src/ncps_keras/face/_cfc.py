"""`ncps.keras.CfC`: a CfC over a sequence under the signature of ncps 1.0.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import keras

from ncps.errors import SpecError
from ncps.specs import CfC as CfCSpec
from ncps.specs import Spec
from ncps.wirings import Wiring
from ncps_keras import layers
from ncps_keras.face._cell import CellFace
from ncps_keras.face._cfc_cell import CfCCell
from ncps_keras.face._configs import PACKAGE, options_of, take_wiring, written
from ncps_keras.face._memory import MixedMemoryRNN
from ncps_keras.face._sequence import SequenceFace
from ncps_keras.face._wired_cfc_cell import WiredCfCCell


@keras.saving.register_keras_serializable(package=PACKAGE, name="CfC")
class CfC(SequenceFace):
    """Closed-form continuous-time network; the equations are `ncps.specs.CfC`'s.

    `units` is a number of neurons or a wiring, which is built in place, so that it can be drawn
    afterwards. `dialect` ``ncps-1.0-keras`` computes what the layer computed in ncps 1.0.1.

    Shape: x (B, T, D) or (x, timespans (B, T)) → y (B, O), or (B, T, O) with `return_sequences`.
    """

    stands_for: ClassVar[type] = layers.CfC
    sequence_spec: ClassVar[type[Spec]] = CfCSpec

    def __init__(
        self,
        units: int | Wiring,
        mixed_memory: bool = False,
        mode: str = "default",
        activation: Any = "lecun_tanh",
        backbone_units: int | None = None,
        backbone_layers: int | None = None,
        backbone_dropout: float | None = None,
        sparsity_mask: Any = None,
        fully_recurrent: bool = True,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        *,
        dialect: str = "ncps",
        **kwargs: Any,
    ) -> None:
        shared: dict[str, Any] = {
            "mode": mode,
            "activation": activation,
            "dialect": dialect,
            "dtype": kwargs.get("dtype"),
        }
        backbone = {
            "backbone_units": backbone_units,
            "backbone_layers": backbone_layers,
            "backbone_dropout": backbone_dropout,
        }
        if isinstance(units, Wiring):
            _refuse(backbone)
            cell: CellFace = WiredCfCCell(units, fully_recurrent=fully_recurrent, **shared)
        else:
            defaults: dict[str, Any] = {
                "backbone_units": 128,
                "backbone_layers": 1,
                "backbone_dropout": 0.0,
            }
            given = {name: value for name, value in backbone.items() if value is not None}
            cell = CfCCell(units, sparsity_mask=sparsity_mask, **defaults | given, **shared)
        super().__init__(
            MixedMemoryRNN(cell, dtype=kwargs.get("dtype")) if mixed_memory else cell,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            unroll,
            zero_output_for_mask,
            **kwargs,
        )

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, Keras' own, and our schema."""
        cell = self.cell.rnn_cell if isinstance(self.cell, MixedMemoryRNN) else self.cell
        wired = isinstance(cell, WiredCfCCell)
        own = {
            "units": cell.wiring if wired else cell.units,
            "mixed_memory": isinstance(self.cell, MixedMemoryRNN),
            "fully_recurrent": cell.fully_recurrent if wired else True,
        }
        return {**cell.get_config(), **super().get_config(), **own, **written(cell.dialect)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> Self:
        """The layer that `get_config` described, ours or that of ncps 1.0.1."""
        options = options_of(config)
        options.pop("cell", None)
        if "wiring" in options:
            options["units"] = take_wiring(options, "units", "wiring")
        return cls(**options)


def _refuse(backbone: Mapping[str, Any]) -> None:
    for name, value in backbone.items():
        if value is not None:
            raise SpecError(
                f"CfC expected no {name} beside a wiring, got {value!r}. A wired CfC has no "
                "backbone: leave it out."
            )
