"""CTRNN and its cell: continuous-time recurrent networks, wired or not."""

from __future__ import annotations

from typing import Any

import mlx.core as mx

from ncps.specs import CTRNN as CTRNNSpec
from ncps.specs import CTRNNCell as CTRNNCellSpec
from ncps_mlx import ops
from ncps_mlx.layers._affine import Gates
from ncps_mlx.layers._recurrent import Cell, Sequence, States


class _CTRNN:
    """What the cell and the sequence share."""

    spec: Any
    gates: Gates
    log_tau: mx.array

    def _structure(self) -> None:
        spec = self.spec
        self.gates = Gates(spec.known_input_size(), spec.state_size, number=1)
        self.log_tau = mx.zeros((spec.state_size,))
        if spec.masks is not None:
            # the leading underscore keeps constants out of the parameters
            self._sensory = mx.array(spec.masks.sensory).T
            self._inner = mx.array(spec.masks.inner).T

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        spec = self.spec
        phi = ops.ACTIVATIONS[spec.activation]
        Wx, Wh, bias = self.gates.arrays
        if spec.masks is not None:
            Wx, Wh = Wx * self._sensory.astype(Wx.dtype), Wh * self._inner.astype(Wh.dtype)
        weights, how = (Wx, Wh, bias), (spec.solver, spec.ode_unfolds)
        return tuple(ops.ctrnn(phi, weights, self.log_tau, how, x, states[0], dt))

    def _readout(self, h: mx.array) -> mx.array:
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
