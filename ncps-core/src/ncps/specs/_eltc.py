"""ELTC: the liquid time-constant network with an explicit solver, one step and a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ncps.specs._base import Kind
from ncps.specs._ltc import LTCCell
from ncps.specs._sequence import SequenceSpec


@dataclass(frozen=True, kw_only=True)
class ELTCCell(LTCCell):
    r"""One step of a liquid time-constant network by an explicit solver.

    .. math::
        \frac{dv_j}{dt} = \frac{1}{c_m}\Big(g_j (v_{l,j} - v_j) + \sum_i w_{ij}\,
        \sigma(\sigma_{ij}(v_i - \mu_{ij}))\,(E_{ij} - v_j)\Big)

    Parameters, options and shapes are `LTCCell`'s; only the default of `solver` is another: "rk4",
    in N = `ode_unfolds` steps of Δt / N. "euler" and "midpoint" are cheaper and less exact,
    "dopri5" chooses its steps itself, "semi_implicit" makes it an `LTCCell`. The more steps, the
    less they differ.

    An explicit solver divides by c_m, which must not be 0. With a step longer than about twice the
    fastest time constant, c_m / (g + Σ w s), it grows without bound: take more steps, a smaller
    unit of time, or LTC.

    Shape: x (B, D), state h = v (B, H) or (v, c), timespans Δt scalar or (B,) in the data's unit.
    Source: the equation of Hasani et al. 2021, arXiv:2006.04439, whose experiments compare such
    solvers with the fused one.
    """

    layer: ClassVar[str] = "ELTCCell"
    kind: ClassVar[Kind] = "cell"

    solver: str = "rk4"


@dataclass(frozen=True, kw_only=True)
class ELTC(SequenceSpec, ELTCCell):
    """Liquid time-constant network by an explicit solver, over a sequence; see `ELTCCell`.

    Shape: x (B, T, D), timespans Δt scalar, (T,), (B, T) or (B, T, 1) → y (B, T, O), or (B, O)
    without `return_sequences`; O is the wiring's number of motor neurons, twice that when
    `bidirectional`. See `SequenceSpec` for several layers and two directions.
    """

    layer: ClassVar[str] = "ELTC"
    kind: ClassVar[Kind] = "sequence"
