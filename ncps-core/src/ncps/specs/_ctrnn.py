"""CTRNN: the continuous-time recurrent network, one step and a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.ode import METHODS, SEMI_IMPLICIT
from ncps.specs import _validate
from ncps.specs._base import Kind, Parameter, Shape, StateShapes
from ncps.specs._initializers import Constant, fan_in_uniform
from ncps.specs._recurrent import cell_output_shape
from ncps.specs._sequence import SequenceSpec
from ncps.specs._wired import WiredSpec

ACTIVATIONS = ("relu", "sigmoid", "tanh")


@dataclass(frozen=True, kw_only=True)
class CTRNNCell(WiredSpec):
    r"""One step of a continuous-time recurrent network: leaky neurons driven by an activation.

    .. math:: \frac{dh}{dt} = -\frac{h}{\tau} + \phi(x W + h R + b),\quad \tau = e^{\theta} > 0

    One step takes N = `ode_unfolds` semi-implicit ones of :math:`\delta = \Delta t / N`, with x
    held fixed; they are stable for every Δt, and Δt = 0 leaves h as it is:

    .. math:: h \leftarrow \frac{h + \delta\,\phi(x W + h R + b)}{1 + \delta / \tau}

    Another `solver` takes N explicit steps of the same equation, or as many as it needs ("dopri5",
    which gives the solution itself); an explicit one wants Δt/N below about 2τ.

    :math:`\theta` is the parameter ``log_tau``, one for each neuron, first 0. `units` is the
    number of neurons, or a wiring: then W and R have only its synapses, and y is the state of its
    motor neurons.

    Shape: x (B, D), state h (B, H), timespans Δt scalar or (B,) in the data's unit → y (B, O).
    Source: Funahashi & Nakamura 1993, "Approximation of dynamical systems by continuous time
    recurrent neural networks", in the form of Hasani et al. 2021, arXiv:2006.04439, whose
    baseline it is (there by explicit Euler steps; the fused step is that paper's for LTC).
    """

    layer: ClassVar[str] = "CTRNNCell"
    kind: ClassVar[Kind] = "cell"

    activation: str = "tanh"
    ode_unfolds: int = 6
    solver: str = SEMI_IMPLICIT

    def __post_init__(self) -> None:
        super().__post_init__()
        _validate.choice(self.layer, "activation", self.activation, ACTIVATIONS)
        unfolds = _validate.integer(self.layer, "ode_unfolds", self.ode_unfolds)
        self._set(ode_unfolds=unfolds)
        _validate.choice(self.layer, "solver", self.solver, METHODS)

    def state_shapes(self) -> StateShapes:
        """Potentials h."""
        return (("h", (self.state_size,)),)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, D) → (B, output_size)."""
        return cell_output_shape(self, input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        units = self.state_size
        init = fan_in_uniform(units)
        return (
            Parameter("kernel", (input_size, units), init),
            Parameter("recurrent_kernel", (units, units), init),
            Parameter("bias", (units,), init),
            Parameter("log_tau", (units,), Constant(0.0)),
        )


@dataclass(frozen=True, kw_only=True)
class CTRNN(SequenceSpec, CTRNNCell):
    """Continuous-time recurrent network over a sequence; the equations are `CTRNNCell`'s.

    Shape: x (B, T, D), timespans Δt scalar, (T,), (B, T) or (B, T, 1) → y (B, T, O), or (B, O)
    without `return_sequences`; O is the wiring's number of motor neurons, else units; twice that
    when `bidirectional`. See `SequenceSpec` for several layers and two directions.
    """

    layer: ClassVar[str] = "CTRNN"
    kind: ClassVar[Kind] = "sequence"
