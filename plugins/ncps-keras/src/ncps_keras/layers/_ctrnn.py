"""CTRNN and its cell: continuous-time recurrent networks, wired or not."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops as kops

from ncps.specs import CTRNN as CTRNNSpec
from ncps.specs import CTRNNCell as CTRNNCellSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._recurrent import Cell, Sequence, States


class _CTRNN:
    """What the cell and the sequence share."""

    spec: Any
    _read: Any
    _constant: Any

    def _run(self, x: Any, states: States, times: ops.Times, training: bool) -> Any:
        spec = self.spec
        W, R, b = map(self._read, ("kernel", "recurrent_kernel", "bias"))
        if spec.masks is not None:
            W = W * self._constant(spec.masks.sensory)
            R = R * self._constant(spec.masks.inner)
        rate = kops.exp(-self._read("log_tau"))
        how = spec.solver, spec.ode_unfolds
        return ops.ctrnn(spec.activation, (W, R, b), rate, how, x, states, times)

    def _readout(self, h: Any) -> Any:
        """y: the output neurons' part of h."""
        return ops.pick(h, self.spec.output_neurons)


@keras.saving.register_keras_serializable(package=PACKAGE)
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


@keras.saving.register_keras_serializable(package=PACKAGE)
class CTRNN(_CTRNN, Sequence):
    """Continuous-time recurrent network over a sequence; the equations are `CTRNNCell`'s.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, O), or (B, O) without `return_sequences`; state h (B, H).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: CTRNNSpec
