"""LTC and its cell: liquid time-constant networks."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from ncps.specs import LTC as LTCSpec
from ncps.specs import LTCCell as LTCCellSpec
from ncps_torch import ops
from ncps_torch.layers._circuit import CircuitHolder, CircuitParameters
from ncps_torch.layers._holders import Memory
from ncps_torch.layers._recurrent import Cell, Sequence, States


class _LTC:
    """What the cell and the sequence share."""

    spec: Any
    lstm: Memory

    def _parts(self) -> CircuitParameters:
        """The module that holds neurons, synapses and mappings."""
        raise NotImplementedError(f"{type(self).__name__} must define _parts")

    def _constants(self, spec: Any) -> None:
        self._parts()._set_masks(spec)

    def _circuit(self, dtype: torch.dtype) -> ops.Circuit:
        return self._parts()._read(self.spec, dtype)

    def _run(self, x: Tensor, states: States, dt: Tensor | None) -> States:
        dtype = ops.solving_dtype(self.spec.solver, x.dtype)
        memory = self.lstm.cast(dtype) if self.spec.mixed_memory else None
        given, first = x.to(dtype), tuple(s.to(dtype) for s in states)
        time = None if dt is None else dt.to(dtype)
        circuit, mapped = self._circuit(dtype), partial(self._parts()._mapped, "input")
        if memory is not None and self.spec.reads_memory:
            new = ops.ltc_of_memory(circuit, memory, mapped, given, first, time)
        else:
            new = ops.ltc(circuit, memory, (given, mapped(given)), first, time)
        return tuple(s.to(x.dtype) for s in new)

    def _readout(self, h: Tensor) -> Tensor:
        """y: the mapped potentials of the motor neurons."""
        return self._parts()._mapped("output", ops.pick(h, self.spec.output_neurons))


class LTCCell(_LTC, CircuitParameters, Cell):
    r"""One step of a liquid time-constant network: N = `ode_unfolds` semi-implicit ones.

    .. math::
        v' = \frac{c_m N v + \Delta t\,(g v_l + \sum w s E)}
                  {c_m N + \Delta t\,(g + \sum w s + \epsilon)},\quad s = \sigma(\sigma(v - \mu))

    The sums are over the synapses of the wiring, those from the mapped inputs included; mappings,
    constraints and mixed memory are `ncps.specs.LTCCell`'s.

    Shape: x (B, D), state h = v (B, H), or (v, c) with mixed memory; timespans scalar or (B,) in
    the data's time unit, default 1 → y (B, O), and the new state.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    Source: Hasani et al. 2021, arXiv:2006.04439.
    """

    spec: LTCCellSpec

    def _structure(self, spec: LTCCellSpec) -> None:
        self._declare_circuit(spec)
        if spec.mixed_memory:
            self.lstm = Memory(spec.known_input_size(), spec.state_size)

    def _parts(self) -> CircuitParameters:
        return self


class LTC(_LTC, Sequence):
    """Liquid time-constant network over a sequence; the equations are `LTCCell`'s.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, O), or (B, O) without `return_sequences`; state v (B, H), or (v, c).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: LTCSpec
    rnn_cell: CircuitHolder

    def _structure(self, spec: LTCSpec) -> None:
        self.rnn_cell = CircuitHolder(spec)
        if spec.mixed_memory:
            self.lstm = Memory(spec.known_input_size(), spec.state_size)

    def _parts(self) -> CircuitParameters:
        return self.rnn_cell
