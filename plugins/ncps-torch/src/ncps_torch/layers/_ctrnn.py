"""CTRNN and its cell: continuous-time recurrent networks, wired or not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ncps.specs import CTRNN as CTRNNSpec
from ncps.specs import CTRNNCell as CTRNNCellSpec
from ncps_torch import ops
from ncps_torch.layers._recurrent import Cell, Sequence, States


class _CTRNN:
    """What the cell and the sequence share."""

    spec: Any
    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor
    log_tau: Tensor
    sensory_mask: Tensor | None
    inner_mask: Tensor | None

    def _structure(self: Any, spec: Any) -> None:
        units = spec.state_size
        self.weight_ih = nn.Parameter(torch.empty(units, spec.known_input_size()))
        self.weight_hh = nn.Parameter(torch.empty(units, units))
        self.bias = nn.Parameter(torch.empty(units))
        self.log_tau = nn.Parameter(torch.empty(units))
        # they follow the module from device to device; the wiring says them: they are not saved
        self.register_buffer("sensory_mask", None, persistent=False)
        self.register_buffer("inner_mask", None, persistent=False)

    def _constants(self, spec: Any) -> None:
        if spec.masks is not None:
            device = self.bias.device
            self.sensory_mask = ops.from_numpy(spec.masks.sensory.T, device=device)
            self.inner_mask = ops.from_numpy(spec.masks.inner.T, device=device)

    def _run(self, x: Tensor, states: States, dt: Tensor | None) -> States:
        spec = self.spec
        dtype = ops.solving_dtype(spec.solver, x.dtype)
        phi = ops.ACTIVATIONS[spec.activation]
        W, R = self.weight_ih.to(dtype), self.weight_hh.to(dtype)
        if self.sensory_mask is not None and self.inner_mask is not None:
            W, R = W * self.sensory_mask.to(dtype), R * self.inner_mask.to(dtype)
        weights = (W.t(), R.t(), self.bias.to(dtype), self.log_tau.to(dtype))
        time = None if dt is None else dt.to(dtype)
        given, h = x.to(dtype), states[0].to(dtype)
        new = ops.ctrnn(phi, (spec.solver, spec.ode_unfolds), weights, given, h, time)
        return (new.to(x.dtype),)

    def _readout(self, h: Tensor) -> Tensor:
        """y: the output neurons' part of h."""
        return ops.pick(h, self.spec.output_neurons)


class CTRNNCell(_CTRNN, Cell):
    r"""One step of a continuous-time recurrent network.

    .. math:: h \leftarrow \frac{h + \delta\,\phi(x W + h R + b)}{1 + \delta / \tau},\quad
        \delta = \Delta t / N,\quad \tau = e^\theta

    `ode_unfolds` = N times; with a wiring, W and R have only its synapses.

    Shape: x (B, D), state h (B, H), timespans scalar or (B,) in the data's time unit, default 1 →
    y (B, O), and the new state.
    Raises: ShapeError when x, the state or timespans disagree with the spec.
    Source: see `ncps.specs.CTRNNCell`.
    """

    spec: CTRNNCellSpec


class CTRNN(_CTRNN, Sequence):
    """Continuous-time recurrent network over a sequence; the equations are `CTRNNCell`'s.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, O), or (B, O) without `return_sequences`; state h (B, H).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: CTRNNSpec
