"""LTC: the liquid time-constant network, one step and a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.ode import METHODS, SEMI_IMPLICIT
from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, StateShapes
from ncps.specs._dialect import DIALECTS, KERAS_1
from ncps.specs._initializers import Constant, Initializer, Polarities, Range
from ncps.specs._lstm import memory_parameters
from ncps.specs._recurrent import cell_output_shape
from ncps.specs._sequence import SequenceSpec
from ncps.specs._wired import CircuitSpec

MAPPINGS = ("affine", "linear")


@dataclass(frozen=True, kw_only=True)
class LTCCell(CircuitSpec):
    r"""One step of a liquid time-constant network: leaky neurons with conductance synapses.

    .. math::
        c_m \frac{dv_j}{dt} = g_j (v_{l,j} - v_j) + \sum_i w_{ij}\,
        \sigma(\sigma_{ij}(v_i - \mu_{ij}))\,(E_{ij} - v_j)

    summed over neurons and, with the parameters ``sensory_*``, over the mapped inputs
    :math:`u = x \odot w_{in} + b_{in}`; only synapses of the wiring count. One step takes
    N = `ode_unfolds` semi-implicit ones, the sensory synapses held fixed:

    .. math::
        v' = \frac{c_m N v + \Delta t\,(g v_l + \sum w s E)}
                  {c_m N + \Delta t\,(g + \sum w s + \epsilon)},\quad s = \sigma(\sigma(v - \mu))

    Another `solver` takes N explicit steps of the same equation, with the conductance g + ε, or as
    many as it needs ("dopri5", which gives the solution itself); it wants c_m > 0 and, unlike the
    semi-implicit one, a Δt/N below about twice the fastest time constant.

    Δt = 0 leaves v as it is. The output is :math:`y = v_{motor} \odot w_{out} + b_{out}`.

    gleak, cm, w and sensory_w must not be negative. With `implicit_param_constraints` the
    equations read softplus of them; without, they read max(·, 0), whose slope at 0 is taken as
    1, so that a weight that was set to 0 can grow again.

    `units` is a wiring, or the number of neurons of a ``FullyConnected``. A mapping is "affine",
    "linear" (no bias) or None. With `mixed_memory`, an LSTM cell updates (v, c) first; with
    `dialect` ``ncps-1.0-keras`` too, the neurons then read its output in place of x, from the v
    before it.

    Shape: x (B, D), state h = v (B, H) or (v, c), timespans Δt scalar or (B,) in the data's unit.
    Source: Hasani et al. 2021, arXiv:2006.04439; parameters and their initial ranges as in
    ncps 1.0.1; mixed memory: Lechner & Hasani 2020, arXiv:2006.04418.
    """

    layer: ClassVar[str] = "LTCCell"
    kind: ClassVar[Kind] = "cell"
    nonnegative: ClassVar[tuple[str, ...]] = ("gleak", "cm", "w", "sensory_w")

    input_mapping: str | None = "affine"
    output_mapping: str | None = "affine"
    ode_unfolds: int = 6
    epsilon: float = 1e-8
    implicit_param_constraints: bool = True
    mixed_memory: bool = False
    solver: str = SEMI_IMPLICIT
    dialect: str = "ncps"

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("input_mapping", "output_mapping"):
            if getattr(self, option) is not None:
                _validate.choice(self.layer, option, getattr(self, option), MAPPINGS)
        self._set(
            ode_unfolds=_validate.integer(self.layer, "ode_unfolds", self.ode_unfolds),
            epsilon=_validate.at_least_zero(self.layer, "epsilon", self.epsilon),
        )
        for option in ("implicit_param_constraints", "mixed_memory"):
            _validate.flag(self.layer, option, getattr(self, option))
        _validate.choice(self.layer, "solver", self.solver, METHODS)
        _validate.choice(self.layer, "dialect", self.dialect, DIALECTS)

    @property
    def reads_memory(self) -> bool:
        """Whether the neurons read the output of the memory in place of x."""
        return self.mixed_memory and self.dialect == KERAS_1

    def state_shapes(self) -> StateShapes:
        """Potentials h; with mixed memory also the memory c."""
        names = ("h", "c") if self.mixed_memory else ("h",)
        return tuple((name, (self.state_size,)) for name in names)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, D) → (B, output_size)."""
        return cell_output_shape(self, input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        units, motor = self.state_size, len(self.output_neurons)
        sources = self.sensory_size
        parameters = [
            Parameter("gleak", (units,), Range(0.001, 1.0)),
            Parameter("vleak", (units,), Range(-0.2, 0.2)),
            Parameter("cm", (units,), Range(0.4, 0.6)),
            *_synapses("", units, units, Polarities(self.wiring, sensory=False)),
            *_synapses("sensory_", sources, units, Polarities(self.wiring, sensory=True)),
            *_mapping("input", self.input_mapping, sources),
            *_mapping("output", self.output_mapping, motor),
        ]
        if self.mixed_memory:
            parameters += memory_parameters((input_size, units))
        return tuple(parameters)


@dataclass(frozen=True, kw_only=True)
class LTC(SequenceSpec, LTCCell):
    """Liquid time-constant network over a sequence; the equations are `LTCCell`'s.

    Shape: x (B, T, D), timespans Δt scalar, (T,), (B, T) or (B, T, 1) → y (B, T, O), or (B, O)
    without `return_sequences`; O is the wiring's number of motor neurons, twice that when
    `bidirectional`. See `SequenceSpec` for several layers and two directions.
    """

    layer: ClassVar[str] = "LTC"
    kind: ClassVar[Kind] = "sequence"


def _synapses(prefix: str, sources: int, units: int, erev: Initializer) -> list[Parameter]:
    shape = (sources, units)
    return [
        Parameter(f"{prefix}w", shape, Range(0.001, 1.0)),
        Parameter(f"{prefix}sigma", shape, Range(3.0, 8.0)),
        Parameter(f"{prefix}mu", shape, Range(0.3, 0.8)),
        Parameter(f"{prefix}erev", shape, erev),
    ]


def _mapping(name: str, mapping: str | None, size: int) -> list[Parameter]:
    if mapping is None:
        return []
    weight = Parameter(f"{name}_w", (size,), Constant(1.0))
    bias = Parameter(f"{name}_b", (size,), Constant(0.0))
    return [weight, bias] if mapping == "affine" else [weight]
