"""sLSTM: an LSTM with exponential gates, one step and a sequence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ncps.specs import (
    GATES,
    Kind,
    Parameter,
    SequenceSpec,
    Shape,
    Spec,
    States,
    StateShapes,
    cell_output_shape,
    options,
)
from ncps.specs.initializers import Constant, Initializer, Uniform
from ncps_xlstm.specs import _checks
from ncps_xlstm.specs._initial import FORGET_BIAS, PowerlawBias, small

RECURRENT_INITS = ("zeros", "uniform")
BIAS_INITS = ("powerlaw", "linspace", "uniform", "zeros")


@dataclass(frozen=True)
class HeadwiseLinspace:
    """`FORGET_BIAS` within each head."""

    num_heads: int

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Fill one vector, head by head."""
        return np.tile(FORGET_BIAS(rng, (shape[0] // self.num_heads,)), self.num_heads)


def recurrent_init(init: str, units: int) -> Initializer:
    """Of the recurrent kernels."""
    return Constant(0.0) if init == "zeros" else Uniform(1.0 / math.sqrt(units))


def bias_init(init: str, gate: str, units: int, num_heads: int, depth: float) -> Initializer:
    """Of a gate's bias; only the forget gate's is not zero unless it is ``uniform``."""
    if init == "uniform":
        return Uniform(1.0 / math.sqrt(units))
    if gate != "forget_gate" or init == "zeros":
        return Constant(0.0)
    return HeadwiseLinspace(num_heads) if init == "linspace" else PowerlawBias(num_heads, depth)


@dataclass(frozen=True, kw_only=True)
class sLSTMCell(Spec):
    r"""One step of an sLSTM: an LSTM with exponential gates and a normaliser.

    .. math::
        \tilde i, \tilde f, \tilde z, \tilde o = x W_{i,f,z,o} + h R_{i,f,z,o} + b_{i,f,z,o},\quad
        a = \log\sigma(\tilde f) + m

        m' = \max(\tilde i, a),\quad I = e^{\tilde i - m'},\quad F = e^{a - m'}

        c' = F \odot c + I \odot \tanh\tilde z,\quad n' = F \odot n + I,\quad
        h' = \sigma(\tilde o) \odot c' / n'

    The units fall into `num_heads` heads of d = H / num_heads neighbours, and each R is block
    diagonal: heads do not read each other's h. The gates i, f, z, o are called ``input_gate``,
    ``forget_gate``, ``cell_gate`` and ``output_gate``.

    m keeps the exponentials within reach and cancels in h', so it is a constant for derivatives:
    no gradient goes to it or through it. Where n is 0 the state is empty: the stored m does not
    count there, as if it were -∞. That is how a sequence starts, from zeros.

    The recurrent kernels start as 0 (`recurrent_init` ``zeros``, or ``uniform`` in ±1/√H). The
    biases are 0 but the forget gate's, which spread over the units of a head: from 5 down to -7 by
    a power law (`bias_init` ``powerlaw``) or from 3 to 6 (``linspace``); or all are ``zeros`` or
    ``uniform`` in ±1/√H.

    Shape: x (B, D), state (h, c, n, m), each (B, H) → y (B, H) = h', and the new state.
    Source: Beck et al. 2024, "xLSTM", arXiv:2405.04517, section 2.2 and appendix A.2; first values
    of the PyPI package xlstm 2.0.6.
    """

    layer: ClassVar[str] = "sLSTMCell"
    kind: ClassVar[Kind] = "cell"

    units: int
    num_heads: int = 4
    recurrent_init: str = "zeros"
    bias_init: str = "powerlaw"

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("units", "num_heads"):
            self._set(**{option: options.integer(self.layer, option, getattr(self, option))})
        _checks.heads(self.layer, "units", self.units, self.num_heads)
        options.choice(self.layer, "recurrent_init", self.recurrent_init, RECURRENT_INITS)
        options.choice(self.layer, "bias_init", self.bias_init, BIAS_INITS)

    @property
    def head_dim(self) -> int:
        """Units of a head, d."""
        return self.units // self.num_heads

    @property
    def output_size(self) -> int:
        """Number of units, H."""
        return self.units

    def state_shapes(self) -> StateShapes:
        """Output h, cell c, normaliser n and stabiliser m."""
        return tuple((name, (self.units,)) for name in ("h", "c", "n", "m"))

    def state_dtypes(self, dtype: str) -> tuple[str, ...]:
        """In half precision c, n and m are kept in single precision."""
        return _checks.state_dtypes(self, dtype)

    def draw_state(self, rng: np.random.Generator, lead: tuple[int, ...]) -> States:
        """A random state with n > 0."""
        return _checks.draw_state(self, rng, lead)

    def output_shape(self, input_shape: Shape) -> Shape:
        """(B, D) → (B, H)."""
        return cell_output_shape(self, input_shape)

    def _parameters(self, input_size: int) -> tuple[Parameter, ...]:
        H, NH, d = self.units, self.num_heads, self.head_dim
        found = []
        for gate in GATES:
            bias = bias_init(self.bias_init, gate, H, NH, 0.0)
            recurrent = recurrent_init(self.recurrent_init, H)
            found += [
                Parameter(f"{gate}.kernel", (input_size, H), small(input_size)),
                Parameter(f"{gate}.recurrent_kernel", (NH, d, d), recurrent),
                Parameter(f"{gate}.bias", (H,), bias),
            ]
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class sLSTM(SequenceSpec, sLSTMCell):
    """sLSTM over a sequence; the equations are those of `sLSTMCell`.

    Shape: x (B, T, D) → y (B, T, H), or (B, H) without `return_sequences`; twice H when
    `bidirectional`. See `ncps.specs.SequenceSpec` for several layers and two directions.
    """

    layer: ClassVar[str] = "sLSTM"
    kind: ClassVar[Kind] = "sequence"
