"""`ncps.mlx.NCPRNNCell`: a base for recurrent cells, and by itself a CfC cell."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.specs import CfCCell as CfCCellSpec
from ncps.specs import Shape
from ncps.wirings import Wiring
from ncps_mlx import layers
from ncps_mlx.face._layer import NCPLayer


class NCPRNNCell(NCPLayer):
    """One step of a recurrence: ``output, new_states = cell(inputs, states)``.

    `units` is a number of neurons or a wiring. By itself it steps a CfC cell; a subclass gives
    ``__call__(inputs, states)`` a recurrence of its own, with parameters made in ``build``.

    Shape: inputs (B, D), states (B, H) or a list or tuple of one such array, None for zeros →
    output (B, O), new states as they were given.
    """

    def __init__(self, units: int | Wiring, *, seed: int | None = None) -> None:
        super().__init__()
        self.spec = CfCCellSpec(units=units)
        # the caller's own, built in place so that it can be drawn; the spec holds a copy
        self.wiring = units if isinstance(units, Wiring) else None
        self.seed = seed

    @property
    def units(self) -> int:
        """Number of neurons."""
        return self.spec.state_size

    @property
    def state_size(self) -> int:
        """Number of neurons."""
        return self.spec.state_size

    @property
    def output_size(self) -> int:
        """Features of the output."""
        return self.spec.output_size

    def get_initial_state(self, batch_size: int | None = None) -> mx.array:
        """Zeros (B, H), or (H,) without a batch."""
        return mx.zeros((self.state_size,) if batch_size is None else (batch_size, self.state_size))

    def build(self, input_shape: Shape) -> None:
        """Make the parameters for inputs (B, D)."""
        if self.wiring is not None and input_shape[-1] is not None:
            self.wiring.build(input_shape[-1])
        if type(self).__call__ is NCPRNNCell.__call__:
            self.cell = layers.CfCCell(self.spec, seed=self.seed)
            self.cell.build(input_shape)

    def __call__(self, inputs: Any, states: Any = None, timespans: Any = None) -> Any:
        """One step of the CfC cell."""
        several = isinstance(states, (list, tuple))
        output, new = self.cell(inputs, states[0] if several else states, timespans)
        return output, type(states)([new]) if several else new
