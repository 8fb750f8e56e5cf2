"""LTC and its cell: liquid time-constant networks."""

from __future__ import annotations

from typing import Any

import keras

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

    def _constants(self) -> None:
        masks = self.spec.masks
        self._tables = {"": ops.table(masks.inner), "sensory_": ops.table(masks.sensory)}

    def _run(self, x: Any, states: States, times: ops.Times, training: bool) -> Any:
        circuit = self._circuit()
        if not self.spec.mixed_memory:
            return ops.ltc(circuit, None, x, states, times)
        names = ("memory.kernel", "memory.recurrent_kernel", "memory.bias")
        run = ops.ltc_of_memory if self.spec.reads_memory else ops.ltc
        return run(circuit, tuple(map(self._read, names)), x, states, times)

    def _circuit(self) -> ops.Circuit:
        spec = self.spec
        positive = ops.positive(spec.implicit_param_constraints)

        def pairs(prefix: str) -> ops.Pairs:
            w, *rest = (self._read(prefix + name) for name in SYNAPSE)
            return ops.Pairs(self._tables[prefix], (positive(w), *rest))

        return ops.Circuit(
            sensory=pairs("sensory_"),
            inner=pairs(""),
            mapping=self._mapping("input"),
            g=positive(self._read("gleak")),
            vleak=self._read("vleak"),
            c=positive(self._read("cm")) * spec.ode_unfolds,
            unfolds=spec.ode_unfolds,
            epsilon=spec.epsilon,
            solver=spec.solver,
        )

    def _mapping(self, name: str) -> tuple[Any, Any]:
        return self._read(f"{name}_w"), self._read(f"{name}_b")

    def _readout(self, h: Any) -> Any:
        """y: the mapped potentials of the motor neurons."""
        y = ops.pick(h, self.spec.output_neurons)
        return ops.mapped(y, self._mapping("output"))


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
