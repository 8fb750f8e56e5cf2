"""LTC and its cell: liquid time-constant networks."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops as kops

from ncps.specs import LTC as LTCSpec
from ncps.specs import LTCCell as LTCCellSpec
from ncps_keras import ops
from ncps_keras.layers._base import PACKAGE
from ncps_keras.layers._recurrent import Cell, Sequence, States
from ncps_keras.parameters import SYNAPSE


class _LTC:
    """What the cell and the sequence share."""

    spec: Any
    _read: Any
    _constant: Any

    def _constants(self) -> None:
        masks = self.spec.masks
        self._tables = {"": ops.table(masks.inner), "sensory_": ops.table(masks.sensory)}

    def _run(self, x: Any, states: States, times: ops.Times, training: bool) -> Any:
        memory = None
        if self.spec.mixed_memory:
            names = ("memory.kernel", "memory.recurrent_kernel", "memory.bias")
            memory = tuple(map(self._read, names))
            if self.spec.reads_memory:
                mapping = (self._read("input_w"), self._read("input_b"))
                return ops.ltc_of_memory(self._circuit(), memory, mapping, x, states, times)
        return ops.ltc(self._circuit(), memory, x, self._mapped("input", x), states, times)

    def _circuit(self) -> ops.Circuit:
        spec = self.spec
        positive = ops.positive(spec.implicit_param_constraints)
        return ops.Circuit(
            sensory=self._synapses("sensory_"),
            inner=self._synapses(""),
            g=positive(self._read("gleak")),
            vleak=self._read("vleak"),
            c=positive(self._read("cm")) * spec.ode_unfolds,
            unfolds=spec.ode_unfolds,
            epsilon=spec.epsilon,
            solver=spec.solver,
        )

    def _synapses(self, prefix: str) -> ops.Synapses:
        """The table of the synapses that there are, for a loop."""
        source, real = self._tables[prefix]
        arrays = [self._read(prefix + name) for name in SYNAPSE]
        if source is not None:
            source = kops.convert_to_tensor(source)
            arrays = [kops.take_along_axis(a, source, axis=0) for a in arrays]
        w, *rest = arrays
        positive = ops.positive(self.spec.implicit_param_constraints)
        return ops.Synapses(source, positive(w) * self._constant(real), *rest)

    def _mapped(self, name: str, values: Any) -> Any:
        """Values · w + b of the input or output mapping, as far as it has them."""
        w, b = self._read(f"{name}_w"), self._read(f"{name}_b")
        values = values if w is None else values * w
        return values if b is None else values + b

    def _readout(self, h: Any) -> Any:
        """y: the mapped potentials of the motor neurons."""
        return self._mapped("output", ops.pick(h, self.spec.output_neurons))


@keras.saving.register_keras_serializable(package=PACKAGE)
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


@keras.saving.register_keras_serializable(package=PACKAGE)
class LTC(_LTC, Sequence):
    """Liquid time-constant network over a sequence; the equations are `LTCCell`'s.

    Shape: x (B, T, D); timespans scalar, (T,), (B, T) or (B, T, 1), default 1; mask (B, T) → y
    (B, T, O), or (B, O) without `return_sequences`; state v (B, H), or (v, c).
    Raises: ShapeError when x, the state, timespans or the mask disagree with the spec.
    """

    spec: LTCSpec
