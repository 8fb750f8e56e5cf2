"""`ncps.keras.LTC`: an LTC over a sequence under the signature of ncps 1.0.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import keras

from ncps.specs import LTC as LTCSpec
from ncps.specs import Spec
from ncps.wirings import FullyConnected, Wiring
from ncps_keras import layers
from ncps_keras.face._configs import PACKAGE, options_of, take_wiring, written
from ncps_keras.face._ltc_cell import LTCCell, Range
from ncps_keras.face._memory import MixedMemoryRNN
from ncps_keras.face._sequence import SequenceFace


@keras.saving.register_keras_serializable(package=PACKAGE, name="LTC")
class LTC(SequenceFace):
    """Liquid time-constant network; the equations are `ncps.specs.LTCCell`'s.

    `units` is a number of neurons or a wiring, which is built in place, so that it can be drawn
    afterwards. The dialects differ with `mixed_memory` only.

    Shape: x (B, T, D) or (x, timespans (B, T)) → y (B, O), or (B, T, O) with `return_sequences`.
    """

    stands_for: ClassVar[type] = layers.LTC
    sequence_spec: ClassVar[type[Spec]] = LTCSpec

    def __init__(
        self,
        units: int | Wiring,
        mixed_memory: bool = False,
        input_mapping: str | None = "affine",
        output_mapping: str | None = "affine",
        ode_unfolds: int = 6,
        epsilon: float = 1e-8,
        initialization_ranges: Mapping[str, Range] | None = None,
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
        cell = LTCCell(
            units if isinstance(units, Wiring) else FullyConnected(units),
            input_mapping=input_mapping,
            output_mapping=output_mapping,
            ode_unfolds=ode_unfolds,
            epsilon=epsilon,
            initialization_ranges=initialization_ranges,
            dialect=dialect,
            dtype=kwargs.get("dtype"),
        )
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
        own = {"units": cell.wiring, "mixed_memory": isinstance(self.cell, MixedMemoryRNN)}
        return {**cell.get_config(), **super().get_config(), **own, **written(cell.dialect)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> Self:
        """The layer that `get_config` described, ours or that of ncps 1.0.1."""
        options = options_of(config)
        options.pop("cell", None)
        return cls(take_wiring(options, "units", "wiring"), **options)
