"""LTC and its cell: liquid time-constant networks."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import numpy.typing as npt

from ncps.specs import LTC as LTCSpec
from ncps.specs import LTCCell as LTCCellSpec
from ncps_mlx import ops
from ncps_mlx.layers._affine import Gates
from ncps_mlx.layers._recurrent import Cell, Sequence, States


class SynapseTable(nn.Module):
    """w, sigma, mu, erev (sources, H); the layer reads them at the wiring's synapses only."""

    def __init__(self, mask: npt.NDArray[np.float32]) -> None:
        super().__init__()
        self.w, self.sigma, self.mu, self.erev = (mx.zeros(mask.shape) for _ in range(4))
        source, real = ops.table(mask)
        # the leading underscore keeps constants out of the parameters
        if source is not None:
            self._source = mx.array(source)
        self._real = mx.array(real)

    def synapses(self, positive: ops.Positive) -> ops.Synapses:
        """The table of the synapses that there are, for a loop."""
        arrays = [self.w, self.sigma, self.mu, self.erev]
        source = self.get("_source")
        if source is not None:
            arrays = [mx.take_along_axis(a, source, axis=0) for a in arrays]
        w, *rest = arrays
        return ops.Synapses(source, positive(w) * self._real.astype(w.dtype), *rest)


class Mapping(nn.Module):
    """w and b (features): affine, linear, or neither."""

    def __init__(self, mapping: str | None, size: int) -> None:
        super().__init__()
        if mapping is not None:
            self.w = mx.ones((size,))
        if mapping == "affine":
            self.b = mx.zeros((size,))

    def __call__(self, values: mx.array) -> mx.array:
        """Values · w + b."""
        values = values * self.w if "w" in self else values
        return values + self.b if "b" in self else values


class _LTC:
    """What the cell and the sequence share."""

    spec: Any
    memory: Gates

    def _structure(self) -> None:
        spec = self.spec
        features, units = spec.sensory_size, spec.state_size
        self.gleak, self.vleak, self.cm = (mx.zeros((units,)) for _ in range(3))
        self.inner = SynapseTable(spec.masks.inner)
        self.sensory = SynapseTable(spec.masks.sensory)
        self.input = Mapping(spec.input_mapping, features)
        self.output = Mapping(spec.output_mapping, len(spec.output_neurons))
        if spec.mixed_memory:
            self.memory = Gates(spec.known_input_size(), units)

    def _circuit(self) -> ops.Circuit:
        spec = self.spec
        positive = ops.positive(spec.implicit_param_constraints)
        return ops.Circuit(
            sensory=self.sensory.synapses(positive),
            inner=self.inner.synapses(positive),
            g=positive(self.gleak),
            vleak=self.vleak,
            c=positive(self.cm) * spec.ode_unfolds,
            unfolds=spec.ode_unfolds,
            epsilon=spec.epsilon,
            solver=spec.solver,
        )

    def _run(self, x: mx.array, states: States, dt: mx.array | None) -> States:
        if not self.spec.mixed_memory:
            return tuple(ops.ltc(self._circuit(), None, (x, self.input(x)), states, dt))
        memory = (self.memory.Wx, self.memory.Wh, self.memory.bias)
        if self.spec.reads_memory:
            return tuple(ops.ltc_of_memory(self._circuit(), memory, self.input, x, states, dt))
        return tuple(ops.ltc(self._circuit(), memory, (x, self.input(x)), states, dt))

    def _readout(self, h: mx.array) -> mx.array:
        """y: the mapped potentials of the motor neurons."""
        y: mx.array = self.output(ops.pick(h, self.spec.output_neurons))
        return y


class LTCCell(_LTC, Cell):
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


class LTC(_LTC, Sequence):
    """Liquid time-constant network over a sequence; the equations are `LTCCell`'s.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, O), or (B, O) without `return_sequences`; state v (B, H), or (v, c).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: LTCSpec
