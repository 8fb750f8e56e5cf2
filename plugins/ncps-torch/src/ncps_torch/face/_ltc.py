"""`ncps.torch.LTC` and `LTCCell`: the native layers under the signatures of ncps 1.0.1."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ncps.specs import LTC as LTCSpec
from ncps.specs import LTCCell as LTCCellSpec
from ncps.wirings import Wiring
from ncps_torch import layers
from ncps_torch.face._calls import one_or_each
from ncps_torch.face._circuit import CircuitFace
from ncps_torch.face._sequence import SequenceFace


class LTC(CircuitFace, SequenceFace, layers.LTC):
    """Liquid time-constant network; the equations are `ncps.specs.LTCCell`'s.

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
        return_sequences: bool = True,
        batch_first: bool = True,
        mixed_memory: bool = False,
        input_mapping: str | None = "affine",
        output_mapping: str | None = "affine",
        ode_unfolds: int = 6,
        epsilon: float = 1e-8,
        implicit_param_constraints: bool = True,
        *,
        seed: int | None = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        if isinstance(units, Wiring) and input_size is not None:
            units.build(input_size)
        spec = LTCSpec(
            input_size=input_size,
            units=units,
            input_mapping=input_mapping,
            output_mapping=output_mapping,
            ode_unfolds=ode_unfolds,
            epsilon=epsilon,
            implicit_param_constraints=implicit_param_constraints,
            mixed_memory=mixed_memory,
            return_sequences=return_sequences,
        )
        super().__init__(spec, seed=seed, dtype=dtype, device=device)
        self.batch_first = batch_first

    def apply_weight_constraints(self) -> None:
        """As `rnn_cell.apply_weight_constraints`, which ncps 1.0.1 has alone."""
        self.rnn_cell.apply_weight_constraints()


class LTCCell(CircuitFace, layers.LTCCell):
    """One step of an LTC. Call: ``y, hx = cell(inputs, states, elapsed_time=1.0)``.

    An unbuilt wiring is built in place, so that it can be drawn afterwards. Unlike `LTC` it has
    explicit constraints by default: call `apply_weight_constraints` after an optimiser's step.

    Shape: inputs (B, D), states (B, H), elapsed_time a scalar, (B,) or (B, 1) → y (B, O), (B, H).
    Raises: WiringError when the wiring was built for another input size.
    """

    def __init__(
        self,
        wiring: int | Wiring,
        in_features: int | None = None,
        input_mapping: str | None = "affine",
        output_mapping: str | None = "affine",
        ode_unfolds: int = 6,
        epsilon: float = 1e-8,
        implicit_param_constraints: bool = False,
        *,
        seed: int | None = None,
        dtype: Any = None,
        device: Any = None,
    ) -> None:
        if isinstance(wiring, Wiring) and in_features is not None:
            wiring.build(in_features)
        spec = LTCCellSpec(
            input_size=in_features,
            units=wiring,
            input_mapping=input_mapping,
            output_mapping=output_mapping,
            ode_unfolds=ode_unfolds,
            epsilon=epsilon,
            implicit_param_constraints=implicit_param_constraints,
        )
        super().__init__(spec, seed=seed, dtype=dtype, device=device)

    def forward(
        self,
        inputs: Tensor,
        states: Any = None,
        elapsed_time: Any = 1.0,
    ) -> tuple[Tensor, Any]:
        """One step from `states`, `elapsed_time` after the last one."""
        return super().forward(inputs, states, one_or_each(elapsed_time))
